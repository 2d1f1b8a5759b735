"""Permissions of certificate authorities: `serve` and `env` refuse those that other users could create or change."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ringback.clock import SystemClock
from ringback.domain.timestamps import Timestamp
from ringback.proxy.certificate_authority import Authority, open_authority
from ringback.proxy.file_permissions import CertificateAuthorityUnavailable
from ringback.proxy.name_constraints import PERMITTED_NAMES
from ringback.proxy.trust_files import TrustFiles
from support.servers.command import Command

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")
OTHER_USER, OTHER_GROUP = 61_001, 61_002
WHAT_TO_DO = "choose another folder with --authority-folder"


@pytest.fixture
def now() -> Timestamp:
    return SystemClock().now()


@pytest.fixture
def folder(tmp_path: Path, now: Timestamp) -> Path:
    """Return the folder of an existing authority."""
    open_authority(tmp_path / "authority", now)
    return tmp_path / "authority"


def planted_authority(constraints: x509.NameConstraints | None, *, critical: bool = True) -> bytes:
    """Return the key and certificate of an authority without ringback's name constraints."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "planted")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    if constraints:
        builder = builder.add_extension(constraints, critical=critical)
    valid_from = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        builder.not_valid_before(valid_from)
        .not_valid_after(valid_from + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate).to_pem()


OTHER_CONSTRAINTS: dict[str, tuple[x509.NameConstraints | None, bool]] = {
    "none": (None, True),
    "not critical": (x509.NameConstraints(PERMITTED_NAMES, None), False),
    "names alone": (x509.NameConstraints([x509.DNSName("twilio.com"), x509.DNSName("localhost")], None), True),
    "one more": (x509.NameConstraints([*PERMITTED_NAMES, x509.DNSName("example.com")], None), True),
    "an exclusion": (x509.NameConstraints(None, [x509.DNSName("example.com")]), True),
}


@pytest.mark.parametrize("kind", OTHER_CONSTRAINTS)
def test_authority_with_other_name_constraints_is_refused(tmp_path: Path, now: Timestamp, kind: str) -> None:
    constraints, critical = OTHER_CONSTRAINTS[kind]
    key = TrustFiles(tmp_path).key
    key.write_bytes(planted_authority(constraints, critical=critical))

    with pytest.raises(CertificateAuthorityUnavailable, match="is not limited to names below") as refused:
        open_authority(tmp_path, now)

    assert "Remove the folder" in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == [key.name]


def test_env_prints_no_line_that_trusts_a_planted_authority(command: Command, tmp_path: Path) -> None:
    (tmp_path / "ringback-authority").mkdir()
    TrustFiles(tmp_path / "ringback-authority").key.write_bytes(planted_authority(None))

    finished = command("env", "--client", "python")

    [complaint] = finished.complaints
    assert (finished.status, finished.out) == (1, "")
    assert f"the certificate authority in {tmp_path}/ringback-authority is not trusted" in complaint


NAMES = (
    "authority.key",
    "authority.pem",
    "bundle.pem",
    "truststore.p12",
    "node-redirect.cjs",
    "php",
    "php/ringback.ini",
)


@pytest.mark.parametrize("name", [".", *NAMES])
def test_world_writable_authority_file_or_folder_is_refused(folder: Path, now: Timestamp, name: str) -> None:
    (folder / name).chmod(0o777)

    with pytest.raises(CertificateAuthorityUnavailable, match="all users can change") as refused:
        open_authority(folder, now)

    assert WHAT_TO_DO in str(refused.value)


@needs_root
@pytest.mark.parametrize("name", [".", *NAMES])
def test_authority_file_or_folder_of_another_user_is_refused(folder: Path, now: Timestamp, name: str) -> None:
    os.chown(folder / name, OTHER_USER, -1)

    with pytest.raises(CertificateAuthorityUnavailable, match=f"belongs to another user .uid {OTHER_USER}.") as refused:
        open_authority(folder, now)

    assert WHAT_TO_DO in str(refused.value)


@needs_root
@pytest.mark.parametrize("name", [".", "authority.pem"])
def test_authority_file_or_folder_that_another_group_can_write_is_refused(
    folder: Path, now: Timestamp, name: str
) -> None:
    os.chown(folder / name, -1, OTHER_GROUP)
    (folder / name).chmod(0o770)

    with pytest.raises(CertificateAuthorityUnavailable, match=f"does not belong to .gid {OTHER_GROUP}."):
        open_authority(folder, now)


def test_authority_file_or_folder_that_the_group_of_the_process_can_write_is_accepted(
    folder: Path, now: Timestamp
) -> None:
    first = TrustFiles(folder).certificate.read_bytes()
    folder.chmod(0o770)

    assert open_authority(folder, now).pem == first


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_link_instead_of_an_authority_file_is_refused_and_its_target_is_unchanged(
    folder: Path, tmp_path: Path, now: Timestamp, name: str
) -> None:
    target = tmp_path / "target"
    (folder / name).rename(target)
    (folder / name).symlink_to(target)
    before = target.stat()

    with pytest.raises(CertificateAuthorityUnavailable, match=r"is not a (file|folder)"):
        open_authority(folder, now)

    assert (target.stat().st_mode, target.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_authority_folder_below_a_world_writable_one_is_refused(tmp_path: Path, now: Timestamp) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)

    with pytest.raises(CertificateAuthorityUnavailable, match=f"all users can change {shared}"):
        open_authority(shared / "project/authority", now)


def test_authority_folder_below_a_sticky_one_is_accepted(tmp_path: Path, now: Timestamp) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    open_authority(shared / "authority", now)

    assert TrustFiles(shared / "authority").bundle.exists()


def test_missing_parents_of_the_authority_folder_are_private_with_any_umask(tmp_path: Path, now: Timestamp) -> None:
    before = os.umask(0)
    try:
        open_authority(tmp_path / "a/b/authority", now)
    finally:
        os.umask(before)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b", "a/b/authority")] == [0o755, 0o755, 0o700]
    assert (tmp_path / "a/b/authority/php").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("make", [Path.mkdir, None], ids=["folder", "missing"])
def test_symbolic_link_to_the_authority_folder_is_followed_and_its_target_is_printed(
    command: Command, tmp_path: Path, make: Callable[[Path], None] | None
) -> None:
    target = tmp_path / "target"
    if make:
        make(target)
    (tmp_path / "link").symlink_to(target)

    finished = command("env", "--client", "curl", "--authority-folder", "link")

    assert f"export CURL_CA_BUNDLE={target}/bundle.pem" in finished.out


@needs_root
def test_root_refuses_the_authority_of_another_user(tmp_path: Path, now: Timestamp) -> None:
    folder = tmp_path / "theirs"
    open_authority(folder, now)
    for entry in (folder, *folder.rglob("*")):
        os.chown(entry, OTHER_USER, OTHER_GROUP)

    with pytest.raises(CertificateAuthorityUnavailable, match=f"uid {OTHER_USER}"):
        open_authority(folder, now)


@needs_root
def test_authority_of_root_may_be_in_the_folder_of_another_user(tmp_path: Path, now: Timestamp) -> None:
    project = tmp_path / "project"
    project.mkdir()
    os.chown(project, OTHER_USER, OTHER_GROUP)

    open_authority(project / "authority", now)

    assert TrustFiles(project / "authority").key.stat().st_uid == 0


@needs_root
def test_authority_folder_of_root_that_a_group_of_the_process_can_write_is_accepted(
    tmp_path: Path, now: Timestamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    os.chown(volume, 0, OTHER_GROUP)
    volume.chmod(0o2775)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER_USER)
    monkeypatch.setattr(os, "getgroups", lambda: [OTHER_GROUP])

    open_authority(volume, now)

    assert TrustFiles(volume).bundle.exists()
