"""The targets of the Makefile on machines without Node, Chromium or a suitable Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.code_blocks import ROOT

OLD = ".venv/.installed-old"
NODE = "tests/system/node/node_modules/.installed"
ALL_BUT_ONE = """#!/bin/sh
for argument; do
  case $argument in .venv/old-clients/twilio-5) exit 1;; .venv/old-clients/*) mkdir -p $argument;; esac
done
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, the files that it reads, and an environment."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tests/system/node/package.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tests/system/old", tmp_path / "tests/system/old")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for mark in (".installed", ".installed-dev"):
        (tmp_path / ".venv" / mark).touch()
    return tmp_path


def interpreter(version: str) -> str:
    """Return a fake Python interpreter of this version. The environments that it creates have the same version."""
    numbers = version.replace(".", ", ")
    return f"""#!/bin/sh
case "$1" in
  -c) exec {sys.executable} -c "import sys; sys.version_info = ({numbers}); exec(sys.argv[1])" "$2";;
esac
case "$2" in
  venv) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo "made an environment of {version}";;
  pip) echo "pip was asked";;
esac
"""


def program(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def run_make(target: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make, with the folder `programs` first in PATH."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment["PATH"] = f"{folder / 'programs'}{os.pathsep}{os.environ['PATH']}"
    command = ["make", target, "WORKERS=1", *(f"{name}={value}" for name, value in variables.items())]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def make(target: str, folder: Path, **variables: str) -> str:
    """Run make successfully, and return its output."""
    finished = run_make(target, folder, **variables)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_old_clients_are_removed_and_named_if_pip_cannot_install_one(checkout: Path) -> None:
    program(checkout / ".venv/bin/python", ALL_BUT_ONE)

    said = make(OLD, checkout)

    assert "pip could not install the packages of tests/system/old/twilio-5.txt: the tests" in said
    assert "will be skipped" in said
    assert not (checkout / ".venv/old-clients").exists()
    assert not (checkout / OLD).exists()


def test_old_clients_that_pip_installs_are_installed_once(checkout: Path) -> None:
    program(checkout / ".venv/bin/python", "#!/bin/sh\n")

    make(OLD, checkout)

    assert (checkout / OLD).exists()
    assert "is up to date" in make(OLD, checkout)


def test_failed_npm_install_is_reported(checkout: Path) -> None:
    program(checkout / "programs/npm", "#!/bin/sh\nexit 1\n")

    said = make(NODE, checkout)

    assert "npm could not install the packages of tests/system/node/package.json: the tests" in said
    assert not (checkout / NODE).exists()


@pytest.mark.parametrize("version", ["3.10.13", "3.6.0", "2.7.18"])
@pytest.mark.parametrize("target", ["serve", "test"])
def test_old_python_is_reported_before_pip_runs(checkout: Path, version: str, target: str) -> None:
    shutil.rmtree(checkout / ".venv")
    program(checkout / "programs/python-old", interpreter(version))

    finished = run_make(target, checkout, PYTHON="python-old")

    assert finished.returncode == 2
    assert finished.stderr.splitlines()[:2] == [
        f"ringback needs Python 3.11 or newer; python-old is {version}.",
        f"Choose another interpreter, for example: make PYTHON=python3.12 {target}",
    ]
    assert "pip was asked" not in finished.stdout
    assert not (checkout / ".venv").exists()


def test_missing_python_is_reported(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")

    finished = run_make("serve", checkout, PYTHON="python-missing")

    assert finished.returncode == 2
    assert finished.stderr.startswith("python-missing is not installed. ringback needs Python 3.11 or newer.\n")


@pytest.mark.parametrize("left_by", ["3.10.13", None])
def test_environment_of_an_old_or_removed_python_is_recreated(checkout: Path, left_by: str | None) -> None:
    (checkout / ".venv/.installed").unlink()
    (checkout / ".venv/left").touch()
    if left_by:
        program(checkout / ".venv/bin/python", interpreter(left_by))
    program(checkout / "programs/python-new", interpreter("3.12.1"))

    said = make(".venv/.installed", checkout, PYTHON="python-new")

    assert said.index("made an environment of 3.12.1") < said.index("pip was asked")
    assert not (checkout / ".venv/left").exists()


def test_environment_of_a_supported_python_is_kept(checkout: Path) -> None:
    (checkout / ".venv/.installed").unlink()
    (checkout / ".venv/left").touch()
    program(checkout / ".venv/bin/python", interpreter("3.11.7"))
    program(checkout / "programs/python-new", interpreter("3.12.1"))

    make(".venv/.installed", checkout, PYTHON="python-new")

    assert (checkout / ".venv/left").exists()


def test_package_run_by_an_old_python_reports_the_required_version() -> None:
    code = "import runpy, sys; sys.version_info = (3, 10, 13); runpy.run_module('ringback', run_name='__main__')"

    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603

    assert finished.returncode == 1
    assert finished.stderr.startswith("ringback needs Python 3.11 or newer; this is ")
    assert len(finished.stderr.splitlines()) == 1
