"""Debian trixie: the root file system of the base images, and the compose plugin."""

import shutil
import subprocess
from pathlib import Path

from support.docker.programs import PATH, EngineUnavailable, run

SUITE = "trixie"
PACKAGES = ("ca-certificates", "passwd", "python3.13", "python3-pip", "python3-venv")
PLUGIN = "docker-compose"
LEFT_OUT = ("./plugin", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "*/__pycache__")
"""What the image does not contain. Python's image has no bytecode either."""


def make_root(root: Path) -> None:
    """Create the file system in the folder `root`, which must not exist, with Python 3.13 where its image has it."""
    packages = ",".join(PACKAGES)
    run("debootstrap", "--variant=minbase", f"--include={packages}", SUITE, root, _mirror())
    (root / "usr/lib/python3.13/EXTERNALLY-MANAGED").unlink()
    for link, program in {"python": "python3.13", "python3": "python3.13", "pip": "pip3"}.items():
        (root / "usr/local/bin" / link).symlink_to(f"../../bin/{program}")


def unpack_plugin(root: Path, plugins: Path) -> None:
    """Download the package of the compose plugin, and copy the plugin into the folder `plugins`."""
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    (root / "plugin").mkdir()
    run("chroot", root, "apt-get", "update", "--quiet")
    run("chroot", root, "sh", "-euc", f"cd /plugin && apt-get download {PLUGIN} && dpkg-deb --extract *.deb .")
    plugins.mkdir(parents=True)
    [plugin] = (root / "plugin").glob("usr/lib*/docker/cli-plugins/docker-compose")
    shutil.copy(plugin, plugins)


def _mirror() -> str:
    """Return the address of the Debian mirror that apt uses on this machine."""
    addresses = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()
    for address in addresses:
        if address.rstrip("/").endswith("/debian"):
            return address
    raise EngineUnavailable(f"apt has no mirror of Debian among {addresses}")


def packed(root: Path) -> "subprocess.Popen[bytes]":
    """Start tar, which writes the file system of an image to its standard output."""
    left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    command = ["tar", "--create", f"--directory={root}", "--numeric-owner", *left_out, "."]
    return subprocess.Popen(command, env={"PATH": PATH}, stdout=subprocess.PIPE)  # noqa: S603
