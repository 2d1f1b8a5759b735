"""The files that tell clients to trust the certificate authority, one for each format that clients read."""

import os
import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import certifi
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.x509 import Certificate, load_pem_x509_certificate

from ringback.proxy.file_permissions import FILE, FOLDER, check_entry

STORE_PASSWORD = "changeit"  # noqa: S105 - a trust store holds no secret; Java's own has this password too
NODE_REDIRECT = "node-redirect.cjs"
PUBLIC_MODE, PUBLIC_FOLDER_MODE = 0o644, 0o755
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class TrustFiles:
    """The files in the authority's folder.

    `certificate` is for clients that trust it in addition to their own authorities. `bundle` and `store` are for
    clients that trust one file alone: they also contain the public authorities, so that other hosts stay trusted.
    """

    def __init__(self, folder: Path) -> None:
        self.key = folder / "authority.key"
        self.certificate = folder / "authority.pem"
        self.bundle = folder / "bundle.pem"
        self.store = folder / "truststore.p12"
        self.php_folder = folder / "php"
        self.php_settings = self.php_folder / "ringback.ini"
        self.node_redirect = folder / NODE_REDIRECT

    def check(self) -> None:
        """Raise CertificateAuthorityUnavailable if untrusted users can change one of the files."""
        check_entry(self.php_folder, FOLDER)
        for file in (self.key, self.certificate, self.bundle, self.store, self.php_settings, self.node_redirect):
            check_entry(file, FILE)

    def write(self, pem: bytes) -> None:
        """Write the files that are missing or belong to another authority."""
        certificates = [pem, *_public_authorities()]
        bundle = b"".join(certificates)
        self.php_folder.mkdir(mode=PUBLIC_FOLDER_MODE, exist_ok=True)
        is_outdated = not self.store.exists() or not _has_content(self.bundle, bundle)
        _write_if_changed(self.certificate, pem)
        _write_if_changed(self.php_settings, _php_settings(self.bundle.resolve()))
        _write_if_changed(self.node_redirect, Path(__file__).with_name("node_redirect.cjs").read_bytes())
        if is_outdated:
            _replace(self.store, _java_store(certificates))
            _replace(self.bundle, bundle)


def write_new_file(file: Path, content: bytes, mode: int) -> None:
    """Create a file with its final mode, so that no other user can read it at any time. Raises FileExistsError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)


def _write_if_changed(file: Path, content: bytes) -> None:
    if not _has_content(file, content):
        _replace(file, content)


def _has_content(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except FileNotFoundError:
        return False


def _replace(file: Path, content: bytes) -> None:
    """Replace a file atomically: concurrent readers see either the old content or the new content."""
    draft = file.with_name(f".{token_hex(8)}")
    try:
        write_new_file(draft, content, PUBLIC_MODE)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _public_authorities() -> list[bytes]:
    """Return the authorities that this machine or Mozilla trusts, as PEM, without duplicates."""
    paths = [ssl.get_default_verify_paths().openssl_cafile, certifi.where()]
    files = [Path(path) for path in paths if Path(path).is_file()]
    return list(dict.fromkeys(pem for file in files for pem in _certificates(file.read_bytes())))


def _certificates(content: bytes) -> list[bytes]:
    """Return the certificates in a file, without the text around them."""
    parts = (part.partition(_END) for part in content.replace(b"\r\n", b"\n").split(_BEGIN)[1:])
    return [_BEGIN + body + _END + b"\n" for body, _, _ in parts]


def _php_settings(bundle: Path) -> bytes:
    return f'curl.cainfo="{bundle}"\nopenssl.cafile="{bundle}"\n'.encode()


def _java_store(certificates: list[bytes]) -> bytes:
    entries = [
        PKCS12Certificate(certificate, f"authority {number}".encode())
        for number, certificate in enumerate(list(_parse_valid(certificates)))
    ]
    return serialize_java_truststore(entries, BestAvailableEncryption(STORE_PASSWORD.encode()))


def _parse_valid(certificates: list[bytes]) -> Iterator[Certificate]:
    """Parse certificates; skip the few old authorities whose certificates violate current rules."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pem in certificates:
            with suppress(ValueError, Warning):
                yield load_pem_x509_certificate(pem)
