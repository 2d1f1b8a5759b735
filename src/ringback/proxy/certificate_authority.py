"""The certificate authority of this machine: made on first use, kept in one folder, renewed when near its end."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringback.domain.timestamps import MICROSECONDS, Timestamp
from ringback.proxy.file_permissions import check_folder
from ringback.proxy.listener import CertificateAuthorityUnavailable
from ringback.proxy.name_constraints import PERMITTED_NAMES, UNCONSTRAINED, is_constrained
from ringback.proxy.trust_files import TrustFiles, write_anew

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

AUTHORITY_DAYS, RENEWED_BEFORE_DAYS = 825, 60
LEAF_DAYS = 30
PRIVATE_MODE, PRIVATE_FOLDER_MODE, PARENT_MODE = 0o600, 0o700, 0o755
_BACKDATED = timedelta(days=1)
"""Clocks of containers and machines differ."""
_WAITED_FOR = timedelta(days=1)
"""How long before its begin an authority is still kept: the clock may have gone back, and will be right."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server's certificate and its key, as PEM, valid until `ends`."""

    pem: bytes
    ends: datetime


class Authority:
    """Signs certificates, for names below twilio.com and this machine's own alone: others its certificate forbids."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @property
    def pem(self) -> bytes:
        """The certificate that clients are to trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, names: Sequence[str], now: datetime) -> Leaf:
        """Make a certificate for these host names and addresses, with a key of its own."""
        key = ec.generate_private_key(ec.SECP256R1())
        ends = min(now + timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
        certificate = (
            _begun("ringback", self.certificate.subject, key.public_key(), now - _BACKDATED, ends)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_identifier_of(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Leaf(_pem_of(key) + certificate.public_bytes(serialization.Encoding.PEM), ends)

    def kept(self) -> bytes:
        """Return key and certificate as they are kept on the disk."""
        return _pem_of(self._key) + self.pem

    def is_usable(self, now: datetime) -> bool:
        """Tell whether it is neither near its end nor far from its begin: made by a clock that was ahead, say."""
        begins, ends = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        return begins - _WAITED_FOR <= now < ends - timedelta(days=RENEWED_BEFORE_DAYS)


def open_authority(folder: Path, now: Timestamp) -> Authority:
    """Return the authority that is kept in `folder`, after making or renewing it where there is none that can be used.

    Puts what clients are to trust beside it. Raises AuthorityUnavailable, a message for the user, also where untrusted
    users could have made or could change what is there.
    """
    moment = datetime.fromtimestamp(now / MICROSECONDS, UTC)
    folder = Path(os.path.realpath(folder))
    files = TrustFiles(folder)
    _check_path(folder)
    try:
        _make_folder(folder, PRIVATE_FOLDER_MODE)
        check_folder(folder)
        with _locked(folder):
            files.check()
            authority = _kept_authority(files.key, moment) or _new_authority(files.key, moment)
            files.write(authority.pem)
    except OSError as error:
        raise CertificateAuthorityUnavailable(
            f"no authority can be kept in {folder}: {error.strerror or error}"
        ) from error
    return authority


def _check_path(folder: Path) -> None:
    """Raise AuthorityUnavailable for a path that is not UTF-8: the files that clients read could not name it."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        hint = "choose another folder with --authority-folder"
        raise CertificateAuthorityUnavailable(
            f"no authority can be kept in {folder}: the path is not UTF-8; {hint}"
        ) from None


def _make_folder(folder: Path, mode: int) -> None:
    """Make a folder, and missing parents that only this user can change whatever the umask is."""
    try:
        folder.mkdir(mode, exist_ok=True)
    except FileNotFoundError:
        _make_folder(folder.parent, PARENT_MODE)
        folder.mkdir(mode, exist_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time look after a folder, where the system and the disk know such locks."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _kept_authority(file: Path, now: datetime) -> Authority | None:
    """Return the authority of a file, after making sure that nobody else may read it; None where it cannot be used.

    Raises AuthorityUnavailable if it could sign certificates for any host.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    if file.stat().st_mode & 0o077:
        file.chmod(PRIVATE_MODE)
    authority = _read(content)
    if authority is not None and not is_constrained(authority.certificate):
        raise CertificateAuthorityUnavailable(UNCONSTRAINED.format(folder=file.parent))
    if authority is None or not authority.is_usable(now):
        log.warning("the authority cannot be used: another one is made", file=str(file))
        return None
    return authority


def _read(content: bytes) -> Authority | None:
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
        is_pair = key.public_key() == certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return Authority(key, certificate) if is_pair and isinstance(key, ec.EllipticCurvePrivateKey) else None


def _new_authority(file: Path, now: datetime) -> Authority:
    """Make an authority and keep it, in one step for those who read meanwhile."""
    authority = _made(now)
    draft = file.with_name(f".{token_hex(8)}")
    try:
        write_anew(draft, authority.kept(), PRIVATE_MODE)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return authority


def _made(now: datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ringback on this machine, {token_hex(4)}")])
    certificate = (
        _begun(name, name, key.public_key(), now - _BACKDATED, now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(PERMITTED_NAMES, None), critical=True)
        .add_extension(_identifier_of(key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def _begun(
    subject: x509.Name | str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    if isinstance(subject, str):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _identifier_of(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
