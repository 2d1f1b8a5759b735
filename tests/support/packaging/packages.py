"""Builds ringback's wheel and sdist, and installs the wheel in environments without the checkout."""

import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from pathlib import Path

from support.code_blocks import ROOT
from support.sampling import WHOLE
from support.waiting import PROGRAM_SECONDS

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "dist", "*.db*", ".coverage*", ".env"
)
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARIES = Path(sysconfig.get_path("purelib"))


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return its output. If it fails, the assertion shows the output."""
    finished = subprocess.run(  # noqa: S603
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS
    )
    assert finished.returncode == 0, f"{command}: {finished.stdout}{finished.stderr}"
    return finished.stdout


def make_environment(folder: Path, *, python: str = sys.executable) -> Path:
    """Create an empty virtual environment, and return the path of its Python."""
    run(python, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install packages into the environment of `python` with the tests' pip."""
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *what, cwd=python.parent)


def share_libraries(python: Path) -> None:
    """Make the packages of the tests' environment importable, so that they need not be downloaded again.

    The folder is only added to the path: its .pth files, which would add the checkout, are not processed.
    """
    [libraries] = (python.parents[1] / "lib").glob("python*/site-packages")
    (libraries / "libraries_of_the_tests.pth").write_text(f"{_LIBRARIES}\n", encoding="utf-8")


def copy_checkout(folder: Path, names: Iterable[str] = (".",)) -> Path:
    """Copy the checkout or parts of it, and return the copy's folder."""
    folder.mkdir()
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=NOT_COPIED, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / name)
    return folder


def build(source: Path, into: Path, *options: str) -> list[Path]:
    """Build with ``python -m build`` and return the files, sorted by name. Without options it builds sdist and wheel.

    The full test suite builds in an isolated environment with the requirements of pyproject.toml, as users do.
    """
    isolation = () if WHOLE else ("--no-isolation",)
    run(sys.executable, "-m", "build", *isolation, *options, "--outdir", into, cwd=source)
    return sorted(into.iterdir())


def unpack(sdist: Path, into: Path) -> Path:
    """Unpack an sdist and return its top-level folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    [folder] = into.iterdir()
    return folder


def python_for_all_users() -> str | None:
    """Return a Python of this version that any user may run, with the tests' libraries, or None."""
    candidates = (Path(sys.base_prefix) / "bin" / f"python{_VERSION}", Path(f"/usr/bin/python{_VERSION}"))
    if not _is_open_to_all(_LIBRARIES):
        return None
    return next((str(path) for path in candidates if path.is_file() and _is_open_to_all(path)), None)


def _is_open_to_all(path: Path) -> bool:
    needed = stat.S_IROTH | stat.S_IXOTH
    system_now = path.resolve()
    return all(place.stat().st_mode & needed == needed for place in (system_now, *system_now.parents))
