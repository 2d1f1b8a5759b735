"""The certificate authority of this machine: created on first use, stored in one folder, renewed before it expires."""

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
from ringback.proxy.file_permissions import CertificateAuthorityUnavailable, check_folder
from ringback.proxy.name_constraints import PERMITTED_NAMES, UNCONSTRAINED, is_constrained
from ringback.proxy.trust_files import TrustFiles, write_new_file

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

VALID_DAYS, RENEWED_BEFORE_DAYS = 825, 60
LEAF_DAYS = 30
PRIVATE_MODE, PRIVATE_FOLDER_MODE, PARENT_MODE = 0o600, 0o700, 0o755
_BACKDATED = timedelta(days=1)
"""How long before its creation a certificate becomes valid, because the clocks of containers and machines differ."""
_MAX_CLOCK_SKEW = timedelta(days=1)
"""An authority that becomes valid within this time is kept: this machine's clock may be behind, and will be
corrected."""
OTHER_FOLDER = "Choose another folder with --authority-folder."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server certificate with its key, as PEM, valid until `expires_at`."""

    pem: bytes
    expires_at: datetime


class Authority:
    """Signs server certificates. Its name constraints permit only names below twilio.com and this machine's own."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @property
    def pem(self) -> bytes:
        """The certificate that clients must trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, names: Sequence[str], now: datetime) -> Leaf:
        """Create a key and a certificate for these host names and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        expires_at = min(now + timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
        certificate = (
            _certificate_builder("ringback", self.certificate.subject, key.public_key(), now - _BACKDATED, expires_at)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_key_identifier(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Leaf(_pem_of(key) + certificate.public_bytes(serialization.Encoding.PEM), expires_at)

    def to_pem(self) -> bytes:
        """Return key and certificate as they are stored on disk."""
        return _pem_of(self._key) + self.pem

    def is_usable(self, now: datetime) -> bool:
        """Return whether the authority is valid and does not expire soon."""
        valid_from, expires_at = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        return valid_from - _MAX_CLOCK_SKEW <= now < expires_at - timedelta(days=RENEWED_BEFORE_DAYS)


def open_authority(folder: Path, now: Timestamp) -> Authority:
    """Return the authority that is stored in `folder`. Create it if it is missing, and renew it before it expires.

    Also writes the files that clients read. Raises CertificateAuthorityUnavailable, also if untrusted users could have
    created or could change one of the files.
    """
    system_now = datetime.fromtimestamp(now / MICROSECONDS, UTC)
    folder = Path(os.path.realpath(folder))
    files = TrustFiles(folder)
    _check_path(folder)
    try:
        _make_folder(folder, PRIVATE_FOLDER_MODE)
        check_folder(folder)
        with _locked(folder):
            files.check()
            authority = _read_authority(files.key, system_now) or _create_authority(files.key, system_now)
            files.write(authority.pem)
    except OSError as error:
        raise CertificateAuthorityUnavailable(
            f"cannot keep the certificate authority in {folder}: {error.strerror or error}. {OTHER_FOLDER}"
        ) from error
    return authority


def _check_path(folder: Path) -> None:
    """Raise CertificateAuthorityUnavailable if a path is not UTF-8: the files that clients read contain the path."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise CertificateAuthorityUnavailable(
            f"cannot keep the certificate authority in {folder}: the path is not UTF-8. {OTHER_FOLDER}"
        ) from None


def _make_folder(folder: Path, mode: int) -> None:
    """Create a folder and its missing parents so that only this user can change them, regardless of the umask."""
    try:
        folder.mkdir(mode, exist_ok=True)
    except FileNotFoundError:
        _make_folder(folder.parent, PARENT_MODE)
        folder.mkdir(mode, exist_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on a folder, if the operating system and the file system support locks."""
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


def _read_authority(file: Path, now: datetime) -> Authority | None:
    """Read the authority from a file, and make the file private. Return None if it is missing or unusable.

    Raises CertificateAuthorityUnavailable if the stored authority could sign certificates for any host.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    if file.stat().st_mode & 0o077:
        file.chmod(PRIVATE_MODE)
    authority = _parse(content)
    if authority is not None and not is_constrained(authority.certificate):
        raise CertificateAuthorityUnavailable(UNCONSTRAINED.format(folder=file.parent))
    if authority is None or not authority.is_usable(now):
        log.warning("unusable certificate authority replaced", file=str(file))
        return None
    return authority


def _parse(content: bytes) -> Authority | None:
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
        is_pair = key.public_key() == certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return Authority(key, certificate) if is_pair and isinstance(key, ec.EllipticCurvePrivateKey) else None


def _create_authority(file: Path, now: datetime) -> Authority:
    """Create an authority and write it atomically, so that concurrent readers never see a partial file."""
    authority = _generate(now)
    draft = file.with_name(f".{token_hex(8)}")
    try:
        write_new_file(draft, authority.to_pem(), PRIVATE_MODE)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return authority


def _generate(now: datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ringback on this machine, {token_hex(4)}")])
    certificate = (
        _certificate_builder(name, name, key.public_key(), now - _BACKDATED, now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(PERMITTED_NAMES, None), critical=True)
        .add_extension(_key_identifier(key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def _certificate_builder(
    subject: x509.Name | str,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    valid_from: datetime,
    expires_at: datetime,
) -> x509.CertificateBuilder:
    if isinstance(subject, str):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(expires_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_identifier(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
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
