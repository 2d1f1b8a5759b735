"""The files beside the authority that clients are pointed at: what to trust, in the form that each can read."""

import os
import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import certifi

from ringback.proxy.file_permissions import FILE, FOLDER, check_entry

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

STORE_PASSWORD = "changeit"  # noqa: S105 - a trust store holds no secret; Java's own has this password too
NODE_REDIRECT = "node-redirect.cjs"
PUBLIC_MODE, PUBLIC_FOLDER_MODE = 0o644, 0o755
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class TrustFiles:
    """Where things are in the authority's folder.

    `certificate` is to be trusted besides what a client trusts anyway; `bundle` and `store` are for clients that trust
    one file and nothing else: they hold the public authorities too, so that other hosts are still believed.
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
        """Raise AuthorityUnavailable if untrusted users can change one of the files."""
        check_entry(self.php_folder, FOLDER)
        for file in (self.key, self.certificate, self.bundle, self.store, self.php_settings, self.node_redirect):
            check_entry(file, FILE)

    def write(self, pem: bytes) -> None:
        """Write what is not there yet, or of another authority."""
        certificates = [pem, *_public_authorities()]
        bundle = b"".join(certificates)
        self.php_folder.mkdir(mode=PUBLIC_FOLDER_MODE, exist_ok=True)
        is_new = not self.store.exists() or not _holds(self.bundle, bundle)
        _write_if_other(self.certificate, pem)
        _write_if_other(self.php_settings, _php_settings(self.bundle.resolve()))
        _write_if_other(self.node_redirect, Path(__file__).with_name("node_redirect.cjs").read_bytes())
        if is_new:
            _replace(self.store, _java_store(certificates))
            _replace(self.bundle, bundle)


def write_anew(file: Path, content: bytes, mode: int) -> None:
    """Write a file that does not exist yet, which nobody may ever read who may not in the end."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)


def _write_if_other(file: Path, content: bytes) -> None:
    if not _holds(file, content):
        _replace(file, content)


def _holds(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except FileNotFoundError:
        return False


def _replace(file: Path, content: bytes) -> None:
    """Write a file in one step: those who read it meanwhile find the old one, or the new one."""
    draft = file.with_name(f".{token_hex(8)}")
    try:
        write_anew(draft, content, PUBLIC_MODE)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _public_authorities() -> list[bytes]:
    """Return those that the machine's programs trust, and those that Mozilla does, each as PEM and once."""
    places = [ssl.get_default_verify_paths().openssl_cafile, certifi.where()]
    files = [Path(place) for place in places if Path(place).is_file()]
    return list(dict.fromkeys(pem for file in files for pem in _certificates(file.read_bytes())))


def _certificates(content: bytes) -> list[bytes]:
    """Return the certificates in a file, without what is written around them."""
    parts = (part.partition(_END) for part in content.replace(b"\r\n", b"\n").split(_BEGIN)[1:])
    return [_BEGIN + body + _END + b"\n" for body, _, _ in parts]


def _php_settings(bundle: Path) -> bytes:
    return f'curl.cainfo="{bundle}"\nopenssl.cafile="{bundle}"\n'.encode()


def _java_store(certificates: list[bytes]) -> bytes:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

    trusted = [
        PKCS12Certificate(certificate, f"authority {number}".encode())
        for number, certificate in enumerate(list(_readable(certificates)))
    ]
    return serialize_java_truststore(trusted, BestAvailableEncryption(STORE_PASSWORD.encode()))


def _readable(certificates: list[bytes]) -> "Iterator[Certificate]":
    """Leave out the few old authorities whose certificates break today's rules."""
    from cryptography.x509 import load_pem_x509_certificate

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pem in certificates:
            with suppress(ValueError, Warning):
                yield load_pem_x509_certificate(pem)
