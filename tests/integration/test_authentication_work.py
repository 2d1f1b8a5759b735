"""The work done to refuse credentials is the same for every reason, so that response times do not reveal the reason."""

import asyncio
import base64
import hashlib
import hmac
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from ringback.app import create_app
from ringback.config.settings import Settings
from ringback.domain.accounts import Account, AccountStatus, ApiKey
from ringback.domain.errors import TwilioError
from ringback.domain.sids import AccountSid, ApiKeySid
from ringback.operations.accounts import Credentials, authenticate
from ringback.storage.account_repository import FIND_ACCOUNT
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork
from support.clocks import FakeClock
from support.domain_values import ACCOUNT_SID, T0

PARENT = AccountSid("AC" + "a" * 32)
CHILD = AccountSid("AC" + "b" * 32)
STRANGER = AccountSid("AC" + "c" * 32)
UNKNOWN_ACCOUNT = AccountSid("AC" + "d" * 32)
KEY = ApiKeySid("SK" + "e" * 32)
UNKNOWN_KEY = ApiKeySid("SK" + "0" * 32)
TOKEN = "token of the parent"


@pytest.fixture(autouse=True)
def _accounts(unit_of_work: UnitOfWork) -> None:
    for sid, parent in ((PARENT, None), (CHILD, PARENT), (STRANGER, None)):
        unit_of_work.accounts.save(Account(sid, TOKEN, "name", None, AccountStatus.ACTIVE, parent, T0, T0))
    unit_of_work.api_keys.save(ApiKey(KEY, "secret", PARENT, T0))


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Return a list that records each pair of values compared in constant time."""
    pairs: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def recording(one: bytes, other: bytes) -> bool:
        pairs.append((one, other))
        return compare(one, other)

    monkeypatch.setattr("ringback.domain.secrets.hmac.compare_digest", recording)
    return pairs


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Statement, bool]]:
    """Return a list that records each executed statement, and whether it returned a row."""
    asked: list[tuple[Statement, bool]] = []
    first = UnitOfWork.first

    def recording(unit_of_work: UnitOfWork, statement: Statement, **values: Any) -> Any:
        found = first(unit_of_work, statement, **values)
        asked.append((statement, found is not None))
        return found

    monkeypatch.setattr(UnitOfWork, "first", recording)
    return asked


def refuse(unit_of_work: UnitOfWork, username: str, password: str, path: str) -> str:
    with pytest.raises(TwilioError) as refusal:
        authenticate(unit_of_work, Credentials(username, password), path)
    return refusal.value.message


@pytest.mark.parametrize(("username", "secret"), [(PARENT, TOKEN), (KEY, "secret")])
@pytest.mark.parametrize(
    "given", [None, "", "wrong", TOKEN[:-1], "\u00fc" * 40_000], ids=["right", "empty", "wrong", "begin", "long"]
)
def test_secrets_are_compared_in_constant_time_by_digests_of_equal_length(
    unit_of_work: UnitOfWork, compared: list[tuple[bytes, bytes]], username: str, secret: str, given: str | None
) -> None:
    if given is None:
        authenticate(unit_of_work, Credentials(username, secret), PARENT)
    else:
        refuse(unit_of_work, username, given, PARENT)

    expected = tuple(hashlib.sha256(text.encode()).digest() for text in (secret, secret if given is None else given))
    assert compared == [expected]


@pytest.mark.parametrize(("known", "unknown"), [(PARENT, UNKNOWN_ACCOUNT), (KEY, UNKNOWN_KEY), (PARENT, "nobody")])
def test_unknown_user_name_requires_the_same_work_as_a_wrong_password(
    unit_of_work: UnitOfWork,
    compared: list[tuple[bytes, bytes]],
    statements: list[tuple[Statement, bool]],
    known: str,
    unknown: str,
) -> None:
    refuse(unit_of_work, known, "wrong", PARENT)
    refuse(unit_of_work, unknown, "wrong", PARENT)

    assert len(compared) == 2
    assert [statement for statement, _ in statements] == [statements[0][0]] * 2


@pytest.mark.parametrize("password", [TOKEN, "wrong"])
def test_path_of_another_account_requires_the_same_work_as_an_unknown_account(
    unit_of_work: UnitOfWork, statements: list[tuple[Statement, bool]], password: str
) -> None:
    works = []
    for path in (STRANGER, UNKNOWN_ACCOUNT, "nonsense"):
        statements.clear()
        assert refuse(unit_of_work, PARENT, password, path) == "Authenticate"
        works.append(list(statements))

    assert works[0] == works[1] == works[2]


@pytest.mark.parametrize("credentials", [None, f"{ACCOUNT_SID}:wrong", f"{UNKNOWN_ACCOUNT}:x", "nobody:x"])
@pytest.mark.anyio
async def test_account_of_a_path_is_looked_up_after_the_refusal_is_sent(
    statements: list[tuple[Statement, bool]], credentials: str | None
) -> None:
    app = create_app(Settings(database_url="sqlite://"), clock=FakeClock())

    async with app.router.lifespan_context(app):
        works = []
        for account in (ACCOUNT_SID, UNKNOWN_ACCOUNT):
            statements.clear()
            works.append(await work_before_the_response(app, account, credentials, statements))

    assert works[0] == works[1]
    assert [statement for statement, _ in works[0]] == ([] if credentials is None else [FIND_ACCOUNT])


async def work_before_the_response(
    app: FastAPI, account: str, credentials: str | None, statements: list[tuple[Statement, bool]]
) -> list[tuple[Statement, bool]]:
    """Send a request that is refused, and return the statements executed before its response was sent."""
    till_then: list[tuple[Statement, bool]] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 401
        else:  # the server's transport writes in the next iteration of the event loop
            asyncio.get_running_loop().call_soon(lambda: till_then.extend(statements))

    async def receive() -> Message:
        return {"type": "http.request"}

    path = f"/2010-04-01/Accounts/{account}.json"
    headers = [] if credentials is None else [(b"authorization", b"Basic " + base64.b64encode(credentials.encode()))]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}
    await app(scope | {"query_string": b""}, receive, send)
    assert len(statements) == len(till_then) + 1
    return till_then
