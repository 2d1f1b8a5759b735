"""Debian trixie: the root file system of the base images, and programs from Debian's packages."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from support.docker.programs import PATH, EngineUnavailable, run

SUITE = "trixie"
PACKAGES = ("ca-certificates", "passwd", "python3.13", "python3-pip", "python3-venv")
DOWNLOADED = ("docker-compose", "busybox-static")
LEFT_OUT = ("./downloads", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "*/__pycache__")
"""Paths that the image does not contain. Python's original image has no bytecode either."""

UNPACK = f"""
cd /downloads
apt-get download {" ".join(DOWNLOADED)}
for package in *.deb; do dpkg-deb --extract "$package" .; done
"""


def make_root(root: Path) -> None:
    """Create the file system in the new folder `root`, with Python 3.13 at the paths that its original image uses."""
    packages = ",".join(PACKAGES)
    run("debootstrap", "--variant=minbase", f"--include={packages}", SUITE, root, _mirror())
    (root / "usr/lib/python3.13/EXTERNALLY-MANAGED").unlink()
    for link, program in {"python": "python3.13", "python3": "python3.13", "pip": "pip3"}.items():
        (root / "usr/local/bin" / link).symlink_to(f"../../bin/{program}")


def unpack_programs(root: Path, plugins: Path, wget: Path) -> None:
    """Download the compose plugin into the folder `plugins`, and BusyBox as the program `wget`."""
    downloads = root / "downloads"
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    downloads.mkdir()
    run("chroot", root, "apt-get", "update", "--quiet")
    run("chroot", root, "sh", "-euc", UNPACK)
    plugins.mkdir(parents=True)
    [plugin] = downloads.glob("usr/lib*/docker/cli-plugins/docker-compose")
    [busybox] = downloads.glob("**/bin/busybox")
    shutil.copy(plugin, plugins)
    shutil.copy(busybox, wget)


def _mirror() -> str:
    """Return the address of the Debian mirror that apt uses on this machine."""
    addresses = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()
    for address in addresses:
        if address.rstrip("/").endswith("/debian"):
            return address
    raise EngineUnavailable(f"apt has no mirror of Debian among {addresses}")


@contextmanager
def packed(root: Path) -> Iterator[IO[bytes]]:
    """Yield a tar archive of the file system as a stream. Raises EngineUnavailable if tar fails."""
    left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    command = ["tar", "--create", f"--directory={root}", "--numeric-owner", *left_out, "."]
    with subprocess.Popen(command, env={"PATH": PATH}, stdout=subprocess.PIPE) as tar:  # noqa: S603
        assert tar.stdout is not None
        yield tar.stdout
    if tar.returncode != 0:
        raise EngineUnavailable(f"tar of {root} failed with status {tar.returncode}")
