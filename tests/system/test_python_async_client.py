"""Twilio's asynchronous library for Python: operations on a caller ID, long lists, errors."""

import asyncio

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.rest.api.v2010.account.outgoing_caller_id import OutgoingCallerIdInstance  # type: ignore[import-untyped]

from support.receivers.receiver import CallbackReceiver
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess
from support.waiting import PATIENCE_SECONDS

# Warnings of the library about current versions of aiohttp.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

NUMBER = "+14158675302"


def client_at(server: ServerProcess, http_client: AsyncTwilioHttpClient) -> Client:
    client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http_client)
    client.api.base_url = server.base_url
    return client


async def listed(client: Client, number: str) -> OutgoingCallerIdInstance:
    """Return the caller ID of a number from a stream of the list, which may take several attempts."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async for caller_id in await client.outgoing_caller_ids.stream_async(phone_number=number):
                return caller_id
            await asyncio.sleep(0.02)


def test_caller_id_is_verified_fetched_updated_and_deleted(
    quick_server: ServerProcess, receiver: CallbackReceiver
) -> None:
    async def operations() -> None:
        async with AsyncTwilioHttpClient() as http_client:
            client = client_at(quick_server, http_client)

            request = await client.validation_requests.create_async(
                phone_number=NUMBER, friendly_name="Front desk", status_callback=f"{receiver.url}/async"
            )
            found = await listed(client, NUMBER)
            fetched = await client.outgoing_caller_ids(found.sid).fetch_async()
            updated = await fetched.update_async(friendly_name="Back office")
            filtered = await client.outgoing_caller_ids.list_async(phone_number=NUMBER, friendly_name="Back office")
            deleted = await updated.delete_async()
            with pytest.raises(TwilioRestException) as after_deletion:
                await fetched.fetch_async()

        [callback] = receiver.wait_for(1)
        assert callback.form["CallSid"] == request.call_sid
        assert callback.form["OutgoingCallerIdSid"] == found.sid
        assert request.validation_code.isdecimal()
        assert (fetched.phone_number, fetched.friendly_name) == (NUMBER, "Front desk")
        assert updated.friendly_name == "Back office"
        assert [caller_id.sid for caller_id in filtered] == [found.sid]
        assert deleted is True
        assert (after_deletion.value.status, after_deletion.value.code) == (404, 20404)

    asyncio.run(operations())


def test_asynchronous_streams_and_limits_fetch_all_pages(full_server: ServerProcess) -> None:
    async def walk() -> tuple[list[str | None], int]:
        async with AsyncTwilioHttpClient() as http_client:
            client = client_at(full_server, http_client)
            stream = await client.outgoing_caller_ids.stream_async(page_size=50)
            names = [caller_id.friendly_name async for caller_id in stream]
            limited = await client.outgoing_caller_ids.list_async(limit=60, page_size=50)
        return names, len(limited)

    names, limited = asyncio.run(walk())

    assert names == [f"number {position}" for position in reversed(range(120))]
    assert limited == 60


def test_errors_are_raised_as_the_librarys_exceptions(quick_server: ServerProcess) -> None:
    async def errors() -> list[tuple[int, int | None]]:
        async with AsyncTwilioHttpClient() as http_client:
            client = client_at(quick_server, http_client)
            stranger = Client(ACCOUNT_SID, "wrong", http_client=http_client)
            stranger.api.base_url = quick_server.base_url
            raised = []
            for ask in (
                client.outgoing_caller_ids("PN" + "0" * 32).fetch_async(),
                client.validation_requests.create_async(phone_number="12"),
                stranger.outgoing_caller_ids("PN" + "0" * 32).fetch_async(),
            ):
                with pytest.raises(TwilioRestException) as error:
                    await ask
                raised.append((error.value.status, error.value.code))
        return raised

    raised = asyncio.run(errors())

    assert raised == [(404, 20404), (400, 21211), (401, 20003)]
