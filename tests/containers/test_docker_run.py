"""Containers that are started with restrictive options of ``docker run``."""

import shutil
from pathlib import Path

import pytest

from support.docker.client import Docker, DockerError
from support.docker.container import Container, verified_numbers, verify
from support.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser")]

NUMBER, OTHER_NUMBER = "+14158675309", "+14158675310"
QUICK = ("--env", "RINGBACK_RING_SECONDS=0.1", "--env", "RINGBACK_KEY_SECONDS=0.1")
UNPRIVILEGED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
RESTRICTIONS = {
    "nothing": [],
    "another user": ["--user", "12345"],
    "another user and group on a new volume": ["--user", "12345:12345", "--volume", "/data"],
    "another user and group on a tmpfs": ["--user", "12345:12345", "--tmpfs", "/data"],
    "a read-only file system with a volume": ["--read-only", "--volume", "/data"],
    "all": ["--user", "12345", "--read-only", *UNPRIVILEGED, "--tmpfs", "/data"],
    "the image's authority folder": [
        "--env",
        "RINGBACK_INTERCEPT=true",
        "--env",
        "RINGBACK_AUTHORITY_FOLDER=/authority",
    ],
}


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_restricted_container_verifies_a_number_and_stops(docker: Docker, image: str, restriction: str) -> None:
    with Container(docker, image, *QUICK, *RESTRICTIONS[restriction]) as container, container.client() as http:
        verify(http, NUMBER)
        docker("exec", container.id, "ringback", "ready")

        assert container.stop() == 0


def test_volume_keeps_the_verified_numbers(docker: Docker, image: str) -> None:
    volume = docker("volume", "create").strip()
    mounted = ("--volume", f"{volume}:/data", *QUICK)
    try:
        with Container(docker, image, *mounted) as container, container.client() as http:
            verify(http, NUMBER)
            container.stop()
        with Container(docker, image, *mounted) as container, container.client() as http:
            verify(http, OTHER_NUMBER)
            with pytest.raises(DockerError, match="another ringback is using the database file"):
                docker("run", "--rm", *mounted, image)

            assert verified_numbers(http) == [NUMBER, OTHER_NUMBER]
    finally:
        docker("volume", "rm", volume)


def test_volume_of_an_older_image_is_writable(docker: Docker, image: str) -> None:
    volume = docker("volume", "create").strip()
    mounted = ("--volume", f"{volume}:/data")
    older = "chown --recursive 10001:10001 /data && chmod 0750 /data"
    try:
        docker("run", "--rm", "--user", "0", *mounted, "--entrypoint", "sh", image, "-c", older)
        with Container(docker, image, *mounted, *QUICK) as container, container.client() as http:
            verify(http, NUMBER)
    finally:
        docker("volume", "rm", volume)


def test_container_with_the_user_of_a_mounted_folder_stores_its_database_there(
    docker: Docker, image: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.chown(folder, 12345, 12345)

    mounted = ("--user", "12345:12345", "--volume", f"{folder}:/data")
    with Container(docker, image, *mounted, *QUICK) as container, container.client() as http:
        verify(http, NUMBER)

    assert (folder / "ringback.db").stat().st_uid == 12345


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        (["--read-only"], 1, "/data/ringback.db for reading and writing: Read-only file system"),
        (["--volume", "{folder}:/data"], 1, "/data/ringback.db for reading and writing: Permission denied"),
        (["--env", "RINGBACK_RING_SECONDS=never"], 2, "RINGBACK_RING_SECONDS"),
    ],
    ids=["read-only", "a folder of another user", "invalid setting"],
)
def test_container_that_cannot_start_exits_with_the_reason(
    docker: Docker, image: str, tmp_path: Path, options: list[str], status: int, reason: str
) -> None:
    tmp_path.chmod(0o755)  # the image's user must be able to enter the folder
    container = Container(docker, image, *[option.format(folder=tmp_path) for option in options])
    try:
        eventually(lambda: not container.state["Running"], what="the container has exited")
        assert container.state["ExitCode"] == status
        assert reason in container.log[-1]
    finally:
        container.remove()
