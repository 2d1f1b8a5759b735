"""The certificate authority: created on first use, stored, renewed, and trusted only for Twilio's host names."""

import os
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from ringback.clock import SystemClock
from ringback.domain.timestamps import Timestamp, after
from ringback.proxy.certificate_authority import Authority, open_authority
from ringback.proxy.file_permissions import CertificateAuthorityUnavailable
from ringback.proxy.tls_contexts import MAX_CACHED_CONTEXTS, Certificates
from ringback.proxy.trust_files import TrustFiles
from support.waiting import PATIENCE_SECONDS

DAY_SECONDS = 86_400


@pytest.fixture
def now() -> Timestamp:
    return SystemClock().now()


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def handshake_version(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str | None:
    """Perform a handshake over a socket pair, and return the TLS version. Raise the client's error if it fails."""
    client_end, server_end = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(server_end, server_side=True):
                pass
        except (OSError, ssl.SSLError):
            server_end.close()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with client.wrap_socket(client_end, server_hostname=name) as secured:
            return secured.version()
    finally:
        client_end.close()
        serving.join(PATIENCE_SECONDS)


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_first_use_of_the_authority_creates_a_private_key_file(tmp_path: Path, now: Timestamp) -> None:
    open_authority(tmp_path / "new/folder", now)

    files = TrustFiles(tmp_path / "new/folder")
    assert mode(files.key) == 0o600
    assert {mode(file) for file in (files.certificate, files.bundle, files.store)} == {0o644}
    assert b"PRIVATE" not in files.certificate.read_bytes() + files.bundle.read_bytes()
    names = {"authority.key", "authority.pem", "bundle.pem", "node-redirect.cjs", "php", "truststore.p12"}
    assert {file.name for file in files.key.parent.iterdir()} == names


def test_authority_files_are_kept_on_later_use(tmp_path: Path, now: Timestamp) -> None:
    open_authority(tmp_path, now)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    open_authority(tmp_path, after(now, 400 * DAY_SECONDS))

    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_authority_key_that_others_can_read_is_made_private(tmp_path: Path, now: Timestamp) -> None:
    first = open_authority(tmp_path, now)
    TrustFiles(tmp_path).key.chmod(0o644)

    again = open_authority(tmp_path, now)

    assert mode(TrustFiles(tmp_path).key) == 0o600
    assert again.pem == first.pem


@pytest.mark.parametrize("days", [800, 2_000])
def test_authority_that_expires_soon_or_has_expired_is_renewed(tmp_path: Path, now: Timestamp, days: int) -> None:
    first, later = open_authority(tmp_path, now), after(now, days * DAY_SECONDS)

    renewed = open_authority(tmp_path, later)

    files = TrustFiles(tmp_path)
    assert renewed.pem != first.pem
    assert files.certificate.read_bytes() == renewed.pem
    assert files.bundle.read_bytes().startswith(renewed.pem)
    assert mode(files.key) == 0o600
    assert open_authority(tmp_path, later).pem == renewed.pem


def test_authority_is_kept_if_the_clock_is_set_back_by_a_day(tmp_path: Path, now: Timestamp) -> None:
    first = open_authority(tmp_path, now)

    back = open_authority(tmp_path, after(now, -1.5 * DAY_SECONDS))

    assert back.pem == first.pem == open_authority(tmp_path, now).pem


def test_authority_issued_while_the_clock_was_far_ahead_is_replaced(tmp_path: Path, now: Timestamp) -> None:
    ahead = open_authority(tmp_path, after(now, 400 * DAY_SECONDS))

    made = open_authority(tmp_path, now)

    assert made.pem != ahead.pem
    assert (
        handshake_version(Certificates(made, lambda: now).context_by_name(), trusting(made), "api.twilio.com")
        == "TLSv1.3"
    )


def test_authority_folder_is_private_with_any_umask(tmp_path: Path, now: Timestamp) -> None:
    before = os.umask(0)
    try:
        open_authority(tmp_path / "new", now)
    finally:
        os.umask(before)

    assert mode(tmp_path / "new") == 0o700
    assert mode(TrustFiles(tmp_path / "new").key) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"no key", b"\xff\x00", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"]
)
def test_unreadable_authority_key_file_is_replaced(tmp_path: Path, now: Timestamp, content: bytes) -> None:
    TrustFiles(tmp_path).key.write_bytes(content)

    made = open_authority(tmp_path, now)

    assert open_authority(tmp_path, now).pem == made.pem
    assert mode(TrustFiles(tmp_path).key) == 0o600


def test_authority_key_of_an_unknown_type_is_replaced(
    tmp_path: Path, now: Timestamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_authority(tmp_path, now)

    def refuse(*_: object) -> None:
        raise UnsupportedAlgorithm("Curve 1.3.132.0.6 is not supported")

    with monkeypatch.context() as damaged:
        damaged.setattr("ringback.proxy.certificate_authority.serialization.load_pem_private_key", refuse)
        made = open_authority(tmp_path, now)

    assert made.pem != first.pem


def test_authority_key_that_does_not_match_its_certificate_is_replaced(tmp_path: Path, now: Timestamp) -> None:
    one, other = open_authority(tmp_path / "one", now), open_authority(tmp_path / "other", now)
    key = TrustFiles(tmp_path / "one").key
    key.write_bytes(key.read_bytes().replace(one.pem, other.pem))

    made = open_authority(tmp_path / "one", now)

    assert made.pem not in {one.pem, other.pem}


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_concurrent_processes_share_one_certificate_authority(
    tmp_path: Path, now: Timestamp, content: bytes | None
) -> None:
    if content:
        TrustFiles(tmp_path).key.write_bytes(content)
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(open_authority(tmp_path, now).pem)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert len(made) == 8
    assert set(made) == {TrustFiles(tmp_path).certificate.read_bytes()}


def test_authority_folder_that_cannot_be_created_is_reported_in_one_line(now: Timestamp) -> None:
    with pytest.raises(
        CertificateAuthorityUnavailable, match="cannot keep the certificate authority in /dev/null/x: Not a directory"
    ):
        open_authority(Path("/dev/null/x"), now)


def test_bundle_and_java_trust_store_contain_the_public_authorities(tmp_path: Path, now: Timestamp) -> None:
    authority = open_authority(tmp_path, now)

    files = TrustFiles(tmp_path)
    public = ssl.create_default_context(cafile=files.bundle).cert_store_stats()["x509_ca"]
    stored = load_pkcs12(files.store.read_bytes(), b"changeit").additional_certs
    assert public > 50
    assert authority.certificate in [entry.certificate for entry in stored]
    assert len(stored) > 50


@pytest.mark.parametrize("name", ["api.twilio.com", "api.dublin.ie1.twilio.com", "messaging.twilio.com"])
def test_clients_that_trust_the_authority_accept_its_certificates(tmp_path: Path, now: Timestamp, name: str) -> None:
    authority = open_authority(tmp_path, now)
    certificates = Certificates(authority, lambda: now)

    by_host = handshake_version(certificates.context_for(name), trusting(authority), name)
    by_name = handshake_version(certificates.context_by_name(), trusting(authority), name)

    assert by_host == by_name == "TLSv1.3"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_certificates_for_local_names_are_accepted(tmp_path: Path, now: Timestamp, name: str) -> None:
    authority = open_authority(tmp_path, now)

    secured = handshake_version(Certificates(authority, lambda: now).context_by_name(), trusting(authority), name)

    assert secured == "TLSv1.3"


@pytest.mark.parametrize("name", ["example.com", "twilio.com.example.com", "10.0.0.1"])
def test_certificates_for_other_names_are_rejected_by_clients(tmp_path: Path, now: Timestamp, name: str) -> None:
    authority = open_authority(tmp_path, now)

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake_version(Certificates(authority, lambda: now).context_for(name), trusting(authority), name)


def test_tls_context_is_cached_until_shortly_before_its_certificate_expires(tmp_path: Path, now: Timestamp) -> None:
    moments = [now]
    certificates = Certificates(open_authority(tmp_path, now), lambda: moments[0])

    first, again = certificates.context_for("api.twilio.com"), certificates.context_for("api.twilio.com")
    moments[0] = after(now, 24 * DAY_SECONDS)
    renewed = certificates.context_for("api.twilio.com")

    assert first is again
    assert renewed is not first


def test_tls_context_cache_is_bounded(tmp_path: Path, now: Timestamp) -> None:
    certificates = Certificates(open_authority(tmp_path, now), lambda: now)
    first = certificates.context_for("api.twilio.com")

    for number in range(MAX_CACHED_CONTEXTS):
        certificates.context_for(f"api.r{number}.twilio.com")

    assert certificates.context_for("api.twilio.com") is not first


def test_certificate_expires_no_later_than_its_authority(tmp_path: Path, now: Timestamp) -> None:
    authority = open_authority(tmp_path, now)

    leaf = authority.issue(["api.twilio.com"], authority.certificate.not_valid_after_utc)

    assert leaf.expires_at == authority.certificate.not_valid_after_utc
    assert x509.load_pem_x509_certificate(leaf.pem).not_valid_after_utc == leaf.expires_at
