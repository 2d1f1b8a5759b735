"""Receivers with TLS: StatusCallbacks are sent only if the certificate is trusted and valid for the host name."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringback.callback_delivery import http_client as callback_client
from ringback.callback_delivery.egress import EgressPolicy
from ringback.domain.callbacks import CallbackStatus
from support.databases.templates import SQLITE, only
from support.in_process.outbox import Outbox
from support.receivers.tls import TlsReceiver, make_certificate

pytestmark = [pytest.mark.anyio, only(SQLITE)]

Trust = Callable[[], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrusted certificate for app.test and 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "app.test", "127.0.0.1")


@pytest.fixture
def tls_receiver(certificate: Path) -> Iterator[TlsReceiver]:
    """Run a receiver with that certificate."""
    with TlsReceiver(certificate) as receiver:
        yield receiver


@pytest.fixture
def trust(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Return a function that makes this certificate the only trusted one."""
    context = ssl.create_default_context(cafile=str(certificate))
    return lambda: monkeypatch.setattr(callback_client, "_ssl_context", lambda: context)


async def test_certificate_of_an_unknown_authority_is_refused(outbox: Outbox, tls_receiver: TlsReceiver) -> None:
    sid = outbox.enqueue(f"{tls_receiver.url}/done#rc=0")

    await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert tls_receiver.received == []
    assert attempt.status_code is None
    assert str(attempt.error).startswith("the certificate of 127.0.0.1 is not trusted: it is self-signed. ")
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_receiver_with_a_trusted_certificate_gets_its_callback(
    outbox: Outbox, tls_receiver: TlsReceiver, trust: Trust
) -> None:
    trust()
    sid = outbox.enqueue(f"{tls_receiver.url}/done")

    await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.DELIVERED
    assert tls_receiver.received[0].form["CallSid"] == sid


async def test_certificate_of_a_mapped_receiver_is_checked_against_the_url(
    outbox: Outbox, tls_receiver: TlsReceiver, trust: Trust
) -> None:
    trust()
    outbox.egress = EgressPolicy.of([], {"app.test": "127.0.0.1"})
    sid = outbox.enqueue(f"https://app.test:{tls_receiver.port}/done")

    await outbox.deliver()

    assert outbox.status(sid) == CallbackStatus.DELIVERED


async def test_certificate_of_another_receiver_is_refused(
    outbox: Outbox, tls_receiver: TlsReceiver, trust: Trust
) -> None:
    trust()
    outbox.egress = EgressPolicy.of([], {"other.test": "127.0.0.1"})
    sid = outbox.enqueue(f"https://other.test:{tls_receiver.port}/done#rc=0")

    await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert tls_receiver.received == []
    assert str(attempt.error).startswith("the certificate of other.test is for another host name: Hostname mismatch")
    assert outbox.status(sid) == CallbackStatus.FAILED


async def test_receiver_without_tls_is_a_failed_connection(outbox: Outbox, tls_receiver: TlsReceiver) -> None:
    plain = outbox.enqueue(tls_receiver.url.replace("https://", "http://") + "/done#rc=0")

    await outbox.deliver()

    assert tls_receiver.received == []
    assert outbox.status(plain) == CallbackStatus.FAILED
