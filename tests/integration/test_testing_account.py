"""ringback.testing: the account that the fixture `ringback` returns."""

from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]

from ringback.testing import Account, ControlError, Server
from support.receivers.receiver import Answer, CallbackReceiver
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.xdist_group("ringback_server")

NUMBER = "+14158675309"
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def requested(ringback: Account, **parameters: object) -> str:
    call_sid: str = ringback.client().validation_requests.create(NUMBER, **parameters).call_sid
    return call_sid


def test_wait_timeout_lists_the_events_that_happened(ringback: Account) -> None:
    ringback.clock.freeze()
    call_sid = requested(ringback, call_delay=60)

    with pytest.raises(TimeoutError) as raised:
        ringback.wait_for("call.ended", call_sid=call_sid, timeout_seconds=0.05)

    assert str(raised.value) == (
        f"no call.ended of call {call_sid} within 0.05 s; events instead: call.queued; call {call_sid} is "
        "queued; the account's clock is frozen (clock.advance(seconds) makes pending events happen)"
    )


def test_wait_timeout_shows_the_error_of_an_event(ringback: Account) -> None:
    call_sid = requested(ringback, status_callback="http://127.0.0.1:9/nobody#rc=0")

    ringback.wait_for("callback.failed", call_sid=call_sid, timeout_seconds=PATIENCE_SECONDS)

    with pytest.raises(
        TimeoutError,
        match=r"call.ended, callback.failed \(.*connection refused by 127.0.0.1:9.*\); the account's clock is running$",
    ):
        ringback.wait_for("callback.delivered", call_sid=call_sid, timeout_seconds=0)


def test_wait_after_an_event_ignores_earlier_events(ringback: Account) -> None:
    requested(ringback)
    ended = ringback.wait_for("call.ended", timeout_seconds=PATIENCE_SECONDS)

    with pytest.raises(TimeoutError, match=rf"no call.ended after event {ended.id} .*instead: none; the account's"):
        ringback.wait_for("call.ended", after=ended.id, timeout_seconds=0)


def test_clock_can_be_frozen_set_run_and_advanced(ringback: Account) -> None:
    assert ringback.clock.freeze(NOON) == NOON
    assert ringback.clock.advance(timedelta(hours=1)) == NOON + timedelta(hours=1)
    assert ringback.clock.advance(0.5) == ringback.clock.now == NOON + timedelta(hours=1, seconds=0.5)
    assert ringback.clock.read().mode == "frozen"

    ringback.clock.run(NOON)

    assert ringback.clock.read().mode == "running"
    assert NOON <= ringback.clock.now < NOON + timedelta(minutes=10)


def test_shared_key_signs_until_the_auth_token_is_selected(ringback: Account) -> None:
    header, numbers = "X-Twilio-Webhooks-Signature-Settings", (NUMBER, "+14158675310")
    with CallbackReceiver() as receiver:
        ringback.sign_with_shared_key("key_1", "shared secret")
        for number in numbers:
            ringback.client().validation_requests.create(number, status_callback=receiver.url)
            receiver.wait_for(1 + numbers.index(number))
            ringback.sign_with_auth_token()

    settings = [received.headers.get(header) for received in receiver.received]
    assert settings == ["key=key_1,algorithm=HMAC_SHA256", None]


def test_requests_beyond_the_limits_of_a_policy_raise_exceptions(ringback: Account) -> None:
    ringback.clock.freeze()
    policy = ringback.policy.set(account_type="full", calls_per_number_and_week=1, code_lifetime_seconds=5)
    client = ringback.client()
    late = requested(ringback, call_delay=6)
    ringback.clock.advance(90)

    with pytest.raises(TwilioRestException) as too_often:
        client.validation_requests.create(NUMBER)
    ringback.policy.set(account_type="trial")
    with pytest.raises(TwilioRestException) as trial:
        client.validation_requests.create("+14158675308")
    ringback.policy.clear()

    assert [(raised.value.status, raised.value.code) for raised in (too_often, trial)] == [(429, 22100), (400, 10002)]
    assert ringback.call(late).verification_status == "failed"
    assert ringback.call(late).code_expires_at == ringback.call(late).date_created + timedelta(seconds=5)
    assert policy.overrides == ("account_type", "calls_per_number_and_week", "code_lifetime_seconds")
    assert client.validation_requests.create("+14158675308").validation_code
    assert (ringback.policy.read().account_type, ringback.policy.read().overrides) == ("full", ())


def test_script_of_a_phone_takes_precedence_over_its_rule(ringback: Account) -> None:
    phone = ringback.phone(NUMBER).always("busy", ring_seconds=2, extension="123")
    phone.will("unreachable", {"behavior": "enter-code", "key_seconds": 3})

    seen = phone.read()
    phone.clear_script()
    phone.clear_rule()

    assert (seen.behavior, seen.source) == ("unreachable", "script")
    assert [entry.behavior for entry in seen.script] == ["unreachable", "enter-code"]
    assert (phone.read().behavior, phone.read().source) == ("enter-code", "setting")
    with pytest.raises(ControlError, match=r"a rule for .* does not exist"):
        phone.clear_rule()


def test_default_rule_applies_to_every_phone_without_a_rule(ringback: Account) -> None:
    ringback.default_phone.always("busy")
    call_sid = requested(ringback)

    ended = ringback.wait_for("call.ended", call_sid=call_sid, timeout_seconds=PATIENCE_SECONDS)

    assert ended.data["status"] == "busy"
    assert [call.sid for call in ringback.calls(status="busy", phone_number=NUMBER)] == [call_sid]
    assert ringback.calls(status="completed") == []


def test_ringing_call_is_rejected_and_answered_call_is_ended(ringback: Account) -> None:
    ringback.phone(NUMBER).always("manual")
    refused = requested(ringback)
    ringback.wait_for("call.ringing", call_sid=refused, timeout_seconds=PATIENCE_SECONDS)
    assert ringback.call(refused).reject().status == "busy"

    ended = requested(ringback)
    ringback.wait_for("call.ringing", call_sid=ended, timeout_seconds=PATIENCE_SECONDS)
    call = ringback.call(ended).answer()
    assert (call.state, call.hang_up().status, call.refresh().status) == ("prompting", "completed", "completed")

    with pytest.raises(ControlError, match=rf"call {ended} is completed\. Hint: .* \(POST .*/answer: 409\)") as raised:
        call.answer()
    assert raised.value.status == 409
    assert [entry.event for entry in call.refresh().timeline][:3] == ["queued", "dial", "answer"]


def test_caller_id_is_added_without_a_call(ringback: Account) -> None:
    placed = ringback.add_caller_id(NUMBER, "Front desk", NOON)

    [listed] = ringback.client().outgoing_caller_ids.list()

    assert (listed.sid, listed.friendly_name, listed.date_created) == (placed.sid, "Front desk", NOON)
    assert placed.date_created == NOON
    assert ringback.calls() == []


def test_incoming_phone_numbers_are_added_listed_and_deleted(ringback: Account) -> None:
    numbers = ringback.incoming_phone_numbers
    added = numbers.add(NUMBER, "Front desk", NOON)
    [listed] = ringback.client().incoming_phone_numbers.list()

    assert (listed.sid, listed.friendly_name, listed.date_created) == (added.sid, "Front desk", NOON)
    assert (listed.capabilities["voice"], listed.beta, listed.origin) == (True, False, "twilio")
    assert numbers.list() == [added]
    with pytest.raises(TwilioRestException) as owned:
        ringback.client().validation_requests.create(NUMBER)
    assert (owned.value.status, owned.value.code) == (400, 21449)
    numbers.delete(added.sid)
    assert ringback.client().incoming_phone_numbers.list() == numbers.list() == []


def test_faults_are_added_listed_and_deleted(ringback: Account) -> None:
    fault = ringback.faults.add("list-outgoing-caller-ids", {"status": 503}, probability=1)
    with pytest.raises(TwilioException):
        ringback.client().outgoing_caller_ids.list()
    [left] = ringback.faults.list()
    assert (left.id, left.triggered, left.effect) == (fault.id, 1, {"status": 503})

    ringback.faults.delete(fault.id)
    ringback.faults.add("*", {"status": 500}, times=3)
    ringback.faults.clear()

    assert ringback.faults.list() == []
    assert ringback.client().outgoing_caller_ids.list() == []


def test_inbox_shows_the_received_request_and_the_journal_shows_the_sent_request(ringback: Account) -> None:
    inbox = ringback.inbox("of the test/1")
    call_sid = requested(ringback, status_callback=f"{inbox.url}?from=a%20test")
    delivered = ringback.wait_for("callback.delivered", call_sid=call_sid, timeout_seconds=PATIENCE_SECONDS)

    ringback.redeliver(call_sid)
    ringback.wait_for("callback.delivered", call_sid=call_sid, after=delivered.id, timeout_seconds=PATIENCE_SECONDS)

    first, second = inbox.messages()
    assert first.parameters["CallSid"] == second.parameters["CallSid"] == call_sid
    assert (first.signature.is_valid, first.pairs) == (True, second.pairs)
    sent, again = ringback.callbacks(call_sid)
    assert (sent.url, sent.method, sent.parameters) == (f"{inbox.url}?from=a%20test", "POST", first.parameters)
    assert again.answer is not None
    assert sent.signature == again.signature == first.signature
    assert (again.answer.status_code, again.error) == (204, None)
    [listed] = ringback.inboxes()
    assert (listed.name, listed.messages, listed.newest_at) == ("of the test%2F1", 2, second.at)
    inbox.clear()
    assert (inbox.messages(), ringback.inboxes()) == ([], [])


@pytest.mark.parametrize("status", [302, 307])
def test_redirected_callback_is_shown_request_by_request(ringback: Account, status: int) -> None:
    inbox = ringback.inbox()
    with CallbackReceiver(lambda _: Answer(status, {"Location": inbox.url})) as receiver:
        call_sid = requested(ringback, status_callback=f"{receiver.url}/cb")
        delivered = ringback.wait_for("callback.delivered", call_sid=call_sid)

    [attempt] = ringback.callbacks(call_sid)
    first, second = attempt.hops
    [message], [received] = inbox.messages(), receiver.received
    assert (first.method, first.url, first.parameters) == ("POST", f"{receiver.url}/cb", received.form)
    assert (first.status_code, first.location) == (status, inbox.url)
    assert (second.method, second.url, second.parameters) == (message.method, message.url, message.parameters)
    assert (message.method, bool(message.parameters)) == (("GET", False) if status == 302 else ("POST", True))
    assert (message.signature.is_valid, message.signature) == (True, second.signature)
    assert [hop["parameters"] for hop in delivered.data["hops"]] == [first.parameters, second.parameters]
    summary = ringback.call(call_sid).callback
    assert summary is not None
    assert (summary.status, summary.redirects) == ("delivered", 1)


def test_requests_are_listed_newest_first(ringback: Account) -> None:
    ringback.client().outgoing_caller_ids.list()
    requested(ringback)

    newest, oldest = ringback.requests()

    assert (newest.operation, newest.parameters) == ("create-validation-request", {"PhoneNumber": NUMBER})
    assert (oldest.operation, oldest.status, oldest.error_code) == ("list-outgoing-caller-ids", 200, None)


def test_accounts_are_isolated(ringback: Account, ringback_server: Server) -> None:
    other = ringback_server.account(parent_sid=ringback.account_sid)
    requested(ringback)

    assert other.parent_sid == ringback.account_sid
    assert (other.calls(), other.events()) == ([], [])
    assert {ringback.account_sid, other.account_sid} < {one.account_sid for one in ringback_server.accounts()}


def test_account_is_suspended_reset_and_deleted(ringback: Account, ringback_server: Server) -> None:
    client = ringback.client()
    ringback.add_caller_id(NUMBER)
    ringback.set_status("suspended")
    with pytest.raises(TwilioException):
        client.outgoing_caller_ids.list()

    ringback.set_status("active")
    ringback.reset()
    assert client.outgoing_caller_ids.list() == []

    ringback.delete()
    with pytest.raises(ControlError, match=r"account AC.* does not exist"):
        ringback_server.existing_account(ringback.account_sid)


def test_promoted_token_is_used_by_the_next_client(ringback: Account) -> None:
    primary, old_client = ringback.auth_token, ringback.client()

    secondary = ringback.create_secondary_token()
    assert (ringback.auth_token, ringback.secondary_auth_token) == (primary, secondary)
    promoted = ringback.promote_secondary_token()

    assert (promoted, ringback.auth_token, ringback.secondary_auth_token) == (secondary, secondary, None)
    assert ringback.client().outgoing_caller_ids.list() == []
    with pytest.raises(TwilioException, match="20003"):
        old_client.outgoing_caller_ids.list()


def test_refresh_reads_the_tokens_that_the_application_rotated(ringback: Account) -> None:
    client = ringback.client()
    secondary = client.accounts.v1.secondary_auth_token().create().secondary_auth_token

    ringback.refresh()
    assert ringback.secondary_auth_token == secondary
    ringback.client().accounts.v1.auth_token_promotion().update()
    ringback.refresh()

    assert (ringback.auth_token, ringback.secondary_auth_token) == (secondary, None)
    assert ringback.client().outgoing_caller_ids.list() == []


def test_oauth_apps_of_the_account_are_created_listed_and_deleted(ringback: Account) -> None:
    one, other = ringback.oauth_app(["twilio/voice/calls/list"]), ringback.oauth_app([], lifetime_seconds=60)

    ringback.delete_oauth_app(one.client_id)

    assert (one.client_id[:2], one.scopes, one.lifetime_seconds) == ("OQ", ("twilio/voice/calls/list",), 3600)
    assert ringback.oauth_apps() == [other]
    with pytest.raises(ControlError, match=r"OAuth app OQ.* in this account does not exist"):
        ringback.delete_oauth_app(one.client_id)


def test_secondary_token_is_deleted(ringback: Account) -> None:
    ringback.create_secondary_token()

    ringback.delete_secondary_token()

    assert ringback.secondary_auth_token is None
    with pytest.raises(ControlError, match="has no secondary auth token"):
        ringback.promote_secondary_token()


def test_api_keys_of_the_account_are_created_listed_and_deleted(ringback: Account) -> None:
    standard, main = ringback.api_key(), ringback.api_key("main")
    restricted = ringback.api_key("restricted", ["twilio/voice/calls/list"])

    ringback.delete_api_key(standard.sid)

    assert (standard.sid[:2], standard.type, standard.account_sid) == ("SK", "standard", ringback.account_sid)
    assert (restricted.type, restricted.permissions) == ("restricted", ("twilio/voice/calls/list",))
    assert ringback.api_keys() == [main, restricted]
    with pytest.raises(ControlError, match=r"key SK.* in this account does not exist"):
        ringback.delete_api_key(standard.sid)


def test_permissions_needed_by_the_client_are_listed(ringback: Account) -> None:
    assert ringback.permissions_used() == []

    ringback.client().outgoing_caller_ids.list()

    assert ringback.permissions_used() == ["twilio/voice/outgoing-caller-ids/list"]


def test_account_has_the_given_properties(ringback: Account) -> None:
    assert repr(ringback) == f"<Account {ringback.account_sid} at {ringback.base_url}>"
