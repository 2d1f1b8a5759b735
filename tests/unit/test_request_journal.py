"""The request journal in memory: its size, and the stored parts of each request."""

import pytest

from ringback.domain.request_journal import AnsweredRequest, mask_username, truncate_parameters
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.storage.request_journal import KEPT_REQUESTS, MAX_ACCOUNTS, RequestJournal
from support.domain_values import ACCOUNT_SID

OTHER = AccountSid("AC" + "9" * 32)


def a_request(number: int, account_sid: AccountSid = ACCOUNT_SID) -> AnsweredRequest:
    return AnsweredRequest(account_sid, Timestamp(number), "RQ1", "GET", "/", None, None, {}, 200, None, 1.0)


def account_sid(number: int) -> AccountSid:
    return AccountSid(f"AC{number:032d}")


def test_account_keeps_its_newest_requests() -> None:
    journal = RequestJournal()

    for number in range(KEPT_REQUESTS + 5):
        journal.add(a_request(number))

    assert [request.at for request in journal.take_account(ACCOUNT_SID)] == list(range(5, KEPT_REQUESTS + 5))
    assert not journal


def test_requests_of_the_longest_idle_account_are_dropped() -> None:
    journal = RequestJournal()
    for number in range(MAX_ACCOUNTS):
        journal.add(a_request(number, account_sid(number)))
    journal.add(a_request(0, account_sid(0)))

    journal.add(a_request(0, OTHER))

    assert [len(journal.take_account(sid)) for sid in (account_sid(0), account_sid(1), account_sid(2), OTHER)] == [
        2,
        0,
        1,
        1,
    ]


def test_requests_are_removed_in_batches_oldest_first() -> None:
    journal = RequestJournal()
    for number, sid in enumerate([ACCOUNT_SID, ACCOUNT_SID, ACCOUNT_SID, OTHER]):
        journal.add(a_request(number, sid))

    pieces = []
    for _ in range(3):
        shares = journal.shares(2)
        pieces.append({sid: [request.at for request in journal.take_account(sid, shares[sid])] for sid in shares})

    assert pieces == [{ACCOUNT_SID: [0, 1]}, {ACCOUNT_SID: [2], OTHER: [3]}, {}]


def test_requests_of_the_longest_idle_account_are_stored_first() -> None:
    journal = RequestJournal()
    journal.add(a_request(0, account_sid(9)))
    for number in range(30):
        journal.add(a_request(number, account_sid(1)))

    assert journal.shares(25) == {account_sid(9): 1, account_sid(1): 24}


def test_journal_stays_empty_if_no_requests_are_put_back() -> None:
    journal = RequestJournal()

    journal.put_back({ACCOUNT_SID: []})

    assert not journal


def test_used_operations_remain_when_requests_are_dropped_and_are_removed_once() -> None:
    journal = RequestJournal()
    journal.add(a_request(0)._replace(operation="create-validation-request"))
    for number in range(KEPT_REQUESTS):
        journal.add(a_request(number)._replace(operation="list-calls"))

    taken = journal.take_used_operations(ACCOUNT_SID)

    assert taken == {"create-validation-request", "list-calls"}
    assert journal.take_used_operations(ACCOUNT_SID) == set()


def test_used_operations_that_were_put_back_are_removed_with_later_ones() -> None:
    journal = RequestJournal()
    journal.add(a_request(0)._replace(operation="list-calls"))
    taken = journal.take_all_used_operations()
    journal.add(a_request(1)._replace(operation="fetch-call"))

    journal.put_back({}, taken)

    assert journal.take_all_used_operations() == {ACCOUNT_SID: {"list-calls", "fetch-call"}}


def test_used_operations_of_the_longest_idle_account_are_dropped() -> None:
    journal = RequestJournal()
    for number in range(MAX_ACCOUNTS + 1):
        journal.add(a_request(number, account_sid(number))._replace(operation="list-calls"))

    assert len(journal.take_all_used_operations()) == MAX_ACCOUNTS


def test_parameters_of_query_and_form_are_kept_and_the_form_takes_precedence() -> None:
    assert truncate_parameters(b"a=1&b=&c=%C3%A9+x", {"b": "2"}) == {"a": "1", "b": "2", "c": "é x"}


def test_journal_keeps_fifty_parameters_of_a_thousand_characters_each() -> None:
    query = b"&".join(b"q%d=%s" % (number, b"x" * 2000) for number in range(60))

    kept = truncate_parameters(query, {"form": "1"})

    assert list(kept) == [f"q{number}" for number in range(50)]
    assert {len(value) for value in kept.values()} == {1000}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@app.test/x?y=1", "https://***@app.test/x?y=1"),
        ("HTTP://secret@app.test", "HTTP://***@app.test"),
        ("http://user:se@cret@app.test/", "http://***@app.test/"),
        ("http://us er:secret@app.test/", "http://***@app.test/"),
        (f"http://user:{'s' * 2000}@app.test/", "http://***@app.test/"),
        ("https://app.test/a@b", "https://app.test/a@b"),
        ("somebody@app.test", "somebody@app.test"),
    ],
)
def test_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    assert truncate_parameters(b"", {"StatusCallback": url}) == {"StatusCallback": shown}


@pytest.mark.parametrize(
    "name",
    [
        "client_secret",
        "Client-Secret",
        "client secret",
        "auth_token",
        "AuthToken",
        "access_token",
        "Secret",
        "[secret]",
    ],
)
def test_secret_parameters_are_masked_in_any_spelling(name: str) -> None:
    assert truncate_parameters(b"", {name: "s3cret"}) == {name: "***"}


def test_query_that_is_not_utf_8_is_shown() -> None:
    assert truncate_parameters(b"a=%FF&b=\xff&&=", {}) == {"a": "�", "b": "�", "": ""}


@pytest.mark.parametrize(
    ("username", "shown"),
    [(None, None), (ACCOUNT_SID, ACCOUNT_SID), ("SK" + "a" * 32, "SK" + "a" * 32), ("my-auth-token", "***")],
)
def test_user_name_that_is_not_a_sid_is_masked(username: str | None, shown: str | None) -> None:
    assert mask_username(username) == shown
