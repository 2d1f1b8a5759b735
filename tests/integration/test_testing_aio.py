"""Tests of ringback.testing.aio, and of the synchronous classes called from the event loop that serves the callback."""

import asyncio
import socket
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ringback.testing import Account, BlockedEventLoopWarning, ControlError, Server, aio

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.xdist_group("ringback_server"),
    # Warnings of Twilio's library about current versions of aiohttp.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

NUMBER = "+14158675309"
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
QUICK = "#rt=200&rc=0"
"""URL fragment for a read timeout of 200 ms and no retries."""


@pytest.fixture
def anyio_backend() -> str:
    """Run the tests on asyncio."""
    return "asyncio"


@pytest.fixture
async def account(ringback: Account) -> AsyncIterator[aio.Account]:
    """Return the asynchronous counterpart of the test's account."""
    async with aio.attach(ringback) as attached:
        yield attached


@asynccontextmanager
async def receiver_in_this_loop() -> AsyncIterator[str]:
    """Receive StatusCallbacks in the event loop of the test, and yield the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/status"


async def test_async_advance_does_not_block_the_loop_that_serves_the_callback(account: aio.Account) -> None:
    await account.clock.freeze()
    async with receiver_in_this_loop() as url:
        request = await account.client().validation_requests.create_async(NUMBER, status_callback=url)

        await account.clock.advance(1)

        [attempt] = await account.callbacks(request.call_sid)
    assert attempt.answer is not None
    assert (attempt.answer.status_code, attempt.error) == (204, None)
    assert (await account.wait_for("callback.delivered", call_sid=request.call_sid)).type == "callback.delivered"


async def test_synchronous_advance_warns_if_the_blocked_loop_serves_the_callback(ringback: Account) -> None:
    ringback.clock.freeze()
    async with receiver_in_this_loop() as url:
        request = ringback.client().validation_requests.create(NUMBER, status_callback=url + QUICK)

        with pytest.warns(
            BlockedEventLoopWarning, match=f"{request.call_sid} timed out .*ringback.testing.aio"
        ) as told:
            ringback.clock.advance(1)

    assert [warning.filename for warning in told] == [__file__]


async def test_synchronous_advance_does_not_warn_about_a_receiver_outside_the_loop(ringback: Account) -> None:
    ringback.clock.freeze()
    ringback.client().validation_requests.create(NUMBER, status_callback=ringback.inbox().url)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ringback.clock.advance(1)

    assert len(ringback.inbox().messages()) == 1


async def test_synchronous_advance_does_not_warn_about_a_closed_port(ringback: Account) -> None:
    ringback.clock.freeze()
    request = ringback.client().validation_requests.create(NUMBER, status_callback="http://127.0.0.1:9/" + QUICK)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ringback.clock.advance(1)

    assert len(ringback.callbacks(request.call_sid)) == 1


async def test_synchronous_advance_does_not_warn_about_an_earlier_failed_callback(ringback: Account) -> None:
    ringback.clock.freeze()
    with socket.create_server(("127.0.0.1", 0)) as silent_receiver:
        url = f"http://127.0.0.1:{silent_receiver.getsockname()[1]}/{QUICK}"
        request = ringback.client().validation_requests.create(NUMBER, status_callback=url)
        await asyncio.to_thread(ringback.clock.advance, 1)
    ringback.clock.freeze(NOON)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ringback.clock.advance(1)

    assert [event.call_sid for event in ringback.events("callback.failed")] == [request.call_sid]


async def test_synchronous_wait_warns_about_the_blocked_loop(ringback: Account) -> None:
    with pytest.raises(TimeoutError, match=r"blocked the event loop of this thread; .* use ringback\.testing\.aio"):
        ringback.wait_for("callback.delivered", timeout_seconds=0)


async def test_async_wait_lists_the_events_that_happened(account: aio.Account) -> None:
    await account.clock.freeze()
    request = await account.client().validation_requests.create_async(NUMBER, call_delay=60)

    with pytest.raises(TimeoutError) as raised:
        await account.wait_for("call.ended", call_sid=request.call_sid, timeout_seconds=0.05)

    assert str(raised.value) == (
        f"no call.ended of call {request.call_sid} within 0.05 s; events instead: call.queued; call "
        f"{request.call_sid} is queued; the account's clock is frozen (clock.advance(seconds) makes pending events "
        "happen)"
    )


async def test_coroutines_act_as_the_callee(account: aio.Account) -> None:
    await account.default_phone.always("manual")
    requests = [await account.client().validation_requests.create_async(f"+1415867530{last}") for last in range(3)]
    for request in requests:
        await account.wait_for("call.ringing", call_sid=request.call_sid)
    keyed, hung_up, rejected = [await account.call(request.call_sid) for request in requests]

    keyed = await (await keyed.answer()).key(keyed.validation_code)
    hung_up = await (await hung_up.answer()).hang_up()
    rejected = await rejected.reject()

    assert (await keyed.refresh()).verification_status == "success"
    assert (hung_up.status, rejected.status) == ("completed", "busy")
    assert {call.sid for call in await account.calls()} == {request.call_sid for request in requests}


async def test_incoming_phone_numbers_are_added_listed_and_deleted_by_coroutines(account: aio.Account) -> None:
    numbers = account.incoming_phone_numbers
    added = await numbers.add(NUMBER, date_created=NOON)

    assert (added.phone_number, added.date_created, await numbers.list()) == (NUMBER, NOON, [added])
    await numbers.delete(added.sid)
    assert await numbers.list() == []


async def test_phones_faults_policy_and_clock_are_set_by_coroutines(account: aio.Account) -> None:
    phone = await (await account.phone(NUMBER).always("busy")).will("unreachable")
    fault = await account.faults.add("list-calls", {"status": 503}, times=2)
    policy = await account.policy.set(code_attempts=1, second_request="both")

    assert (await phone.read()).behavior == "unreachable"
    assert [one.id for one in await account.faults.list()] == [fault.id]
    assert (await account.policy.read()) == policy
    assert await account.clock.freeze(NOON) == await account.clock.now() == NOON
    assert await account.clock.advance(timedelta(hours=1)) == NOON + timedelta(hours=1)

    await phone.clear_script()
    await phone.clear_rule()
    await account.faults.delete(fault.id)
    await account.faults.clear()
    await account.policy.clear()
    await account.clock.run()

    assert (await phone.read()).source == "setting"
    assert (await account.clock.read()).mode == "running"
    with pytest.raises(ControlError, match=r"a rule for .* does not exist"):
        await phone.clear_rule()


async def test_inbox_and_journals_are_read_by_coroutines(account: aio.Account) -> None:
    inbox = account.inbox("async")
    request = await account.client().validation_requests.create_async(NUMBER, status_callback=inbox.url)
    delivered = await account.wait_for("callback.delivered", call_sid=request.call_sid)
    await account.redeliver(request.call_sid)
    await account.wait_for("callback.delivered", call_sid=request.call_sid, after=delivered.id)

    assert [message.signature.is_valid for message in await inbox.messages()] == [True, True]
    assert "create-validation-request" in {one.operation for one in await account.requests()}
    assert [event.type for event in await account.events(call_sid=request.call_sid)][-1] == "callback.delivered"
    assert [(listed.name, listed.messages) for listed in await account.inboxes()] == [("async", 2)]
    await inbox.clear()
    assert await inbox.messages() == []


async def test_account_is_managed_by_coroutines(account: aio.Account) -> None:
    await account.add_caller_id(NUMBER, "Front desk", NOON)
    key = await account.api_key("restricted", ["twilio/voice/calls/list"])
    other = await account.api_key()
    await account.delete_api_key(other.sid)
    app = await account.oauth_app(["twilio/voice/calls/list"])
    assert await account.oauth_apps() == [app]
    await account.delete_oauth_app(app.client_id)
    await account.create_secondary_token()
    await account.delete_secondary_token()
    secondary = await account.create_secondary_token()
    promoted = await account.promote_secondary_token()
    assert (promoted, account.auth_token, account.secondary_auth_token) == (secondary, secondary, None)
    async with aio.connect(account.base_url) as server:
        rotated = await (await server.existing_account(account.account_sid)).create_secondary_token()
    await account.refresh()
    assert (account.auth_token, account.secondary_auth_token) == (secondary, rotated)
    await account.set_status("suspended")
    await account.set_status("active")
    [caller_id] = await account.client().outgoing_caller_ids.list_async()
    used = await account.permissions_used()
    await account.reset()

    assert (caller_id.friendly_name, key.account_sid) == ("Front desk", account.account_sid)
    assert (await account.api_keys(), used) == ([key], ["twilio/voice/outgoing-caller-ids/list"])
    assert await account.client().outgoing_caller_ids.list_async() == []
    assert repr(account) == f"<Account {account.account_sid} at {account.base_url}>"


async def test_server_is_managed_by_coroutines() -> None:
    with Server() as server:
        async with aio.connect(server.base_url) as connection:
            account = await connection.account(friendly_name="Acme")
            snapshot = await connection.snapshot()
            await connection.reset()
            forgotten = {one.account_sid for one in await connection.accounts()}
            await connection.restore(snapshot)
            restored = await connection.existing_account(account.account_sid)
            await restored.delete()

            assert account.account_sid not in forgotten
            assert restored.friendly_name == "Acme"
            with pytest.raises(ControlError, match=r"account AC.* does not exist"):
                await connection.existing_account(account.account_sid)
            server.stop()
            with pytest.raises(ControlError, match="does not answer") as raised:
                await connection.accounts()
            assert raised.value.status is None
            assert connection.describe_failure() == f"the server at {server.base_url} does not answer"
