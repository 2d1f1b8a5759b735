"""StatusCallbacks to disallowed, mapped and unknown hosts, and DNS rebinding."""

import socket
from typing import Any

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.http_client import CallbackClient
from ringback.domain.callbacks import CallbackStatus
from support.databases.templates import SQLITE, only
from support.domain_values import AUTH_TOKEN
from support.in_process.outbox import Outbox
from support.receivers.receiver import Answer, CallbackReceiver

pytestmark = [pytest.mark.anyio, only(SQLITE)]


async def test_disallowed_host_receives_no_request(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.egress = EgressPolicy.of(["app.test"], {})
    sid = outbox.enqueue(f"{receiver.url}/done#rc=3")

    await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert receiver.received == []
    assert attempt.error == "callbacks to 127.0.0.1 (127.0.0.1) are not allowed"
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_mapped_host_keeps_its_name_in_the_request(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.egress = EgressPolicy.of([], {"app.test": "127.0.0.1"})
    port = receiver.url.rpartition(":")[2]
    sid = outbox.enqueue(f"http://app.test:{port}/done")

    await outbox.deliver()

    [received] = receiver.received
    assert received.headers["Host"] == f"app.test:{port}"
    [attempt] = outbox.attempts(sid)
    assert (attempt.url, attempt.hops[0].mapped_to) == (f"http://app.test:{port}/done", f"127.0.0.1:{port}")


PROXIED = "app.example.com"


async def test_host_mapped_to_a_url_is_requested_over_plain_http_as_through_a_proxy(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    outbox.egress = EgressPolicy.of([], {PROXIED: receiver.url})
    sid = outbox.enqueue(f"https://{PROXIED}/done?x=1")

    await outbox.deliver()

    [received] = receiver.received
    signature = RequestValidator(AUTH_TOKEN).compute_signature(f"https://{PROXIED}/done?x=1", received.form)
    assert (received.target, received.headers["Host"]) == ("/done?x=1", PROXIED)
    assert (received.headers["X-Forwarded-Proto"], received.headers["X-Twilio-Signature"]) == ("https", signature)
    [attempt] = outbox.attempts(sid)
    assert (attempt.url, attempt.hops[0].mapped_to) == (f"https://{PROXIED}/done?x=1", receiver.url)
    assert outbox.summary(sid).is_signature_valid is True


async def test_redirect_to_another_mapped_host_is_sent_to_its_target(
    outbox: Outbox, receiver: CallbackReceiver
) -> None:
    redirect_url = "http://other.example.com/moved"
    with CallbackReceiver(lambda _: Answer(307, {"Location": redirect_url})) as first:
        outbox.egress = EgressPolicy.of([], {PROXIED: first.url, "other.example.com": receiver.url})
        sid = outbox.enqueue(f"https://{PROXIED}/done")
        await outbox.deliver()

    [received] = receiver.received
    signature = RequestValidator(AUTH_TOKEN).compute_signature(redirect_url, received.form)
    assert (received.headers["X-Forwarded-Proto"], received.headers["X-Twilio-Signature"]) == ("http", signature)
    assert [hop.mapped_to for hop in outbox.attempts(sid)[0].hops] == [first.url, receiver.url]


async def test_egress_rules_apply_to_the_target_of_a_mapped_host(outbox: Outbox, receiver: CallbackReceiver) -> None:
    outbox.egress = EgressPolicy.of(["10.0.0.0/8", "other.test"], {PROXIED: receiver.url})
    sid = outbox.enqueue(f"https://{PROXIED}/done")

    await outbox.deliver()

    assert receiver.received == []
    assert outbox.attempts(sid)[0].error == f"callbacks to {PROXIED} (127.0.0.1) are not allowed"


async def test_error_of_a_mapped_host_names_its_target(outbox: Outbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        target = f"http://127.0.0.1:{unused.getsockname()[1]}"
    outbox.egress = EgressPolicy.of([], {PROXIED: target})
    sid = outbox.enqueue(f"https://{PROXIED}/done#rc=0")

    await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert str(attempt.error).startswith(
        f"connection refused by {target}, to which callback_host_map maps {PROXIED}: nothing listens there."
    )


async def test_unknown_host_name_counts_as_a_failed_connection(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    sid = outbox.enqueue("http://nowhere.test/done")

    await outbox.deliver()

    errors = [attempt.error for attempt in outbox.attempts(sid)]
    error = "the host name nowhere.test cannot be resolved: Name or service not known. "
    assert (
        errors == [error + "Check its spelling and DNS, or map it to an address with the setting callback_host_map"] * 2
    )
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_next_address_is_tried_after_a_refused_connection(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two(_: str, port: int, **__: object) -> list[object]:
        return [(None, None, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    sid = outbox.enqueue(f"http://two.test:{receiver.url.rpartition(':')[2]}/done")

    await outbox.deliver()

    assert [attempt.status_code for attempt in outbox.attempts(sid)] == [204]


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".invalid"])
async def test_malformed_host_name_counts_as_a_failed_connection(host: str, outbox: Outbox) -> None:
    sid = outbox.enqueue(f"http://{host}/done")

    await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.FAILED
    assert len(outbox.attempts(sid)) == 2


class ChangingNames:
    """A resolver that returns a different address for each lookup, and then repeats the last one.

    `asked` counts lookups.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self._answers = list(answers)
        self.asked = 0
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(self, _: str, port: int, **__: object) -> list[object]:
        self.asked += 1
        return [(None, None, 0, "", (self._answers[min(self.asked, len(self._answers)) - 1], port))]


async def test_host_name_is_resolved_once_and_the_checked_address_is_used(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ChangingNames(monkeypatch, "127.0.0.1", "169.254.169.254")
    sid = outbox.enqueue(f"http://rebinding.test:{receiver.url.rpartition(':')[2]}/done")

    await outbox.deliver()

    assert names.asked == 1
    assert [attempt.status_code for attempt in outbox.attempts(sid)] == [204]
    assert len(receiver.received) == 1


async def test_rebound_host_name_is_checked_again_after_a_redirect(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ChangingNames(monkeypatch, "127.0.0.1", "169.254.169.254")

    with CallbackReceiver(lambda _: Answer(302, {"Location": "/again"})) as receiver:
        sid = outbox.enqueue(f"http://rebinding.test:{receiver.url.rpartition(':')[2]}/done")
        await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert names.asked == 2
    assert [received.target for received in receiver.received] == ["/done"]
    assert attempt.error == "callbacks to rebinding.test (169.254.169.254) are not allowed"


async def test_rebound_host_name_is_checked_again_for_a_retry(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ChangingNames(monkeypatch, "127.0.0.1", "169.254.169.254")

    with CallbackReceiver(lambda _: Answer(503)) as receiver:
        sid = outbox.enqueue(f"http://rebinding.test:{receiver.url.rpartition(':')[2]}/done#rc=1&rp=all")
        await outbox.deliver()

    first, second = outbox.attempts(sid)
    assert names.asked == 2
    assert len(receiver.received) == 1
    assert first.status_code == 503
    assert second.error == "callbacks to rebinding.test (169.254.169.254) are not allowed"


async def test_disallowed_address_among_several_is_never_contacted(
    outbox: Outbox, receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve_to_several_addresses(_: str, port: int, **__: object) -> list[object]:
        addresses = ("169.254.169.254", "::ffff:169.254.169.254", "127.0.0.1", "fe80::1%lo")
        return [(None, None, 0, "", (address, port)) for address in addresses]

    connected: list[str] = []
    send = CallbackClient._send  # noqa: SLF001

    async def recording(client: CallbackClient, request: Any, destination: Any, address: str, *rest: Any) -> object:
        connected.append(address)
        return await send(client, request, destination, address, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_to_several_addresses)
    monkeypatch.setattr(CallbackClient, "_send", recording)
    outbox.enqueue(f"http://several.test:{receiver.url.rpartition(':')[2]}/done")

    await outbox.deliver()

    assert connected == ["127.0.0.1"]
    assert len(receiver.received) == 1
