"""What make does where something cannot be had that only some tests want."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.readme import ROOT

OLD = ".venv/.installed-old"
NODE = "tests/system/node/node_modules/.installed"
ALL_BUT_ONE = """#!/bin/sh
for argument; do
  case $argument in .venv/old-clients/twilio-5) exit 1;; .venv/old-clients/*) mkdir -p $argument;; esac
done
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a folder with the Makefile, what it reads, and an environment that has been set up."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tests/system/node/package.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tests/system/old", tmp_path / "tests/system/old")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for mark in (".installed", ".installed-dev"):
        (tmp_path / ".venv" / mark).touch()
    return tmp_path


def program(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def make(target: str, folder: Path) -> str:
    """Return what make says, with programs of the folder's `programs` before all others."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    variables["PATH"] = f"{folder / 'programs'}{os.pathsep}{os.environ['PATH']}"
    command = ["make", target, "WORKERS=1"]
    finished = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)  # noqa: S603
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_an_old_client_that_pip_cannot_install_is_named_and_none_is_left_half_installed(checkout: Path) -> None:
    program(checkout / ".venv/bin/python", ALL_BUT_ONE)

    said = make(OLD, checkout)

    assert "pip could not install what tests/system/old/twilio-5.txt names: the tests" in said
    assert "will be skipped" in said
    assert not (checkout / ".venv/old-clients").exists()
    assert not (checkout / OLD).exists()


def test_old_clients_that_pip_installs_are_installed_once(checkout: Path) -> None:
    program(checkout / ".venv/bin/python", "#!/bin/sh\n")

    make(OLD, checkout)

    assert (checkout / OLD).exists()
    assert "is up to date" in make(OLD, checkout)


def test_what_npm_cannot_install_is_told(checkout: Path) -> None:
    program(checkout / "programs/npm", "#!/bin/sh\nexit 1\n")

    said = make(NODE, checkout)

    assert "npm could not install what tests/system/node/package.json names: the tests" in said
    assert not (checkout / NODE).exists()
