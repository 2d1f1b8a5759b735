"""Receivers with TLS: StatusCallbacks are sent only if the certificate is trusted and valid for the host name."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.callback_delivery.egress import EgressPolicy
from ringback.config.validators import trusted_certificates
from ringback.domain.callbacks import CallbackStatus
from ringback.domain.policies import AccountPolicy, SignedPort
from ringback.operations.accounts import set_policy
from support.databases.templates import SQLITE, only
from support.domain_values import ACCOUNT_SID, AUTH_TOKEN
from support.in_process.outbox import Outbox
from support.receivers.tls import TlsReceiver, make_certificate

pytestmark = [pytest.mark.anyio, only(SQLITE)]

Trust = Callable[[], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an untrusted certificate for app.test and 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "app.test", "127.0.0.1")


@pytest.fixture
def tls_receiver(certificate: Path) -> Iterator[TlsReceiver]:
    """Run a TLS receiver with the untrusted certificate."""
    with TlsReceiver(certificate) as receiver:
        yield receiver


@pytest.fixture
def trust(outbox: Outbox, certificate: Path) -> Trust:
    """Return a function that makes callbacks trust the certificate, as the setting `callback_ca_file` does."""
    return lambda: setattr(outbox, "certificates", trusted_certificates(str(certificate)))


async def test_certificate_from_an_unknown_authority_is_refused(outbox: Outbox, tls_receiver: TlsReceiver) -> None:
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


async def test_certificate_for_another_host_is_refused(outbox: Outbox, tls_receiver: TlsReceiver, trust: Trust) -> None:
    trust()
    outbox.egress = EgressPolicy.of([], {"other.test": "127.0.0.1"})
    sid = outbox.enqueue(f"https://other.test:{tls_receiver.port}/done#rc=0")

    await outbox.deliver()

    [attempt] = outbox.attempts(sid)
    assert tls_receiver.received == []
    assert str(attempt.error).startswith("the certificate of other.test is for another host name: Hostname mismatch")
    assert outbox.status(sid) == CallbackStatus.FAILED


@pytest.mark.parametrize(
    ("of_settings", "of_account", "is_dropped"),
    [("as-given", None, False), ("dropped", None, True), ("dropped", "as-given", False), ("as-given", "dropped", True)],
)
async def test_port_of_an_https_url_is_signed_according_to_the_policy(
    outbox: Outbox,
    tls_receiver: TlsReceiver,
    trust: Trust,
    of_settings: str,
    of_account: str | None,
    *,
    is_dropped: bool,
) -> None:
    trust()
    outbox.signed_port = SignedPort(of_settings)
    own = AccountPolicy(callback_signed_port=SignedPort(of_account) if of_account else None)
    assert set_policy(outbox.simulation.unit_of_work, ACCOUNT_SID, own)
    outbox.enqueue(f"{tls_receiver.url}/done?x=1")

    await outbox.deliver()

    [received] = tls_receiver.received
    url = "https://127.0.0.1/done?x=1" if is_dropped else f"{tls_receiver.url}/done?x=1"
    assert received.headers["X-Twilio-Signature"] == RequestValidator(AUTH_TOKEN).compute_signature(url, received.form)
    assert received.headers["Host"] == f"127.0.0.1:{tls_receiver.port}"


async def test_receiver_without_tls_counts_as_a_failed_connection(outbox: Outbox, tls_receiver: TlsReceiver) -> None:
    plain = outbox.enqueue(tls_receiver.url.replace("https://", "http://") + "/done#rc=0")

    await outbox.deliver()

    assert tls_receiver.received == []
    assert outbox.status(plain) == CallbackStatus.FAILED
