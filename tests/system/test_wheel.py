"""The installed wheel without the checkout: serving, migrating and health checks."""

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.code_blocks import ROOT
from support.packaging.image import build_context, command, environment
from support.packaging.packages import (
    build,
    copy_checkout,
    install,
    make_environment,
    python_for_all_users,
    run,
    share_libraries,
    unpack,
)
from support.servers.server import ServerProcess, caller_ids_path
from support.waiting import PROGRAM_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

NOBODY = 65_534
SUITE = f"""
from ringback.testing import plugin


def test_installed_plugin_is_used(ringback):
    assert not plugin.__file__.startswith({str(ROOT)!r})
    assert ringback.account_sid.startswith("AC")
"""
MIGRATION = "ringback/migrations/versions/20261123_first_tables.py"


@pytest.fixture(autouse=True)
def no_path_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset PYTHONPATH, so that packages are imported only from the virtual environment."""
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Create a folder that other users can enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="ringback-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def built(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it, as for a release. Return the wheel and the sdist."""
    wheel, sdist = build(copy_checkout(folder / "checkout"), folder / "dist")
    return wheel, sdist


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, Path]) -> Path:
    return built[0]


@pytest.fixture(scope="module")
def sdist(built: tuple[Path, Path]) -> Path:
    return built[1]


@pytest.fixture(scope="module")
def installed(folder: Path, wheel: Path) -> Path:
    """Install the wheel into an environment that has its dependencies but not the checkout. Return the scripts."""
    usual = python_for_all_users()
    python = make_environment(folder / "installed", **({"python": usual} if usual else {}))
    install(python, "--no-deps", "--no-index", wheel)
    share_libraries(python)
    return python.parent


def files(wheel: Path) -> dict[str, int]:
    """Return the names of the files in a wheel with checksums of their contents."""
    with zipfile.ZipFile(wheel) as archive:
        return {member.filename: member.CRC for member in archive.infolist()}


def test_wheel_contains_only_the_package_its_migrations_and_its_page(wheel: Path) -> None:
    held = files(wheel)

    assert {
        "ringback/commands/main.py",
        "ringback/proxy/node_redirect.cjs",
        "ringback/phone_page/static/index.html",
        "ringback/migrations/env.py",
        MIGRATION,
    } <= held.keys()
    assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == {"ringback"}
    assert not [name for name in held if "__pycache__" in name or "tests/" in name or "/test_" in name]
    assert "ringback/testing/plugin.py" in held


def test_wheel_is_marked_as_typed(wheel: Path) -> None:
    assert "ringback/py.typed" in files(wheel)


def test_image_build_context_builds_the_same_wheel_as_the_sdist(folder: Path, wheel: Path) -> None:
    context = copy_checkout(folder / "context", build_context())

    [of_image] = build(context, folder / "of-image", "--wheel")

    assert of_image.name == wheel.name
    assert files(of_image) == files(wheel)


def test_sdist_contains_the_sources_and_no_generated_files(folder: Path, sdist: Path) -> None:
    unpacked = unpack(sdist, folder / "unpacked")

    assert {"src", "migrations", "tests", "docs", "Makefile", "pyproject.toml"} <= {
        path.name for path in unpacked.iterdir()
    }
    assert not [path for path in unpacked.rglob("*") if path.name in {"node_modules", "__pycache__", ".venv"}]


def test_installed_package_is_imported_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    place = run(
        installed / "python",
        "-c",
        "import ringback.commands.main; print(ringback.commands.main.__file__)",
        cwd=tmp_path,
    )

    assert Path(place.strip()).is_relative_to(installed.parent)
    assert run(installed / "ringback", "--version", cwd=tmp_path).startswith("ringback ")


def test_installed_package_migrates_serves_and_is_ready(installed: Path, tmp_path: Path) -> None:
    migrated = run(installed / "ringback", "migrate", "--database-url", "sqlite:///new.db", cwd=tmp_path)
    serve = [str(installed / "ringback"), "serve"]

    with ServerProcess(command=serve, cwd=tmp_path, database_url="sqlite:///new.db") as server:
        run(installed / "ringback", "ready", "--url", server.base_url, cwd=tmp_path)
        status = server.stop()

    assert migrated.startswith("sqlite:///new.db is at ")
    assert status == 0


def test_installed_package_has_the_pytest_plugin(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_installed_plugin_is_used.py").write_text(SUITE, encoding="utf-8")

    told = run(installed / "python", "-m", "pytest", "-p", "no:schemathesis", "-p", "no:cacheprovider", cwd=tmp_path)

    assert "1 passed" in told


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
@pytest.mark.skipif(python_for_all_users() is None, reason="no Python here that another user may run")
def test_image_commands_work_for_a_user_who_can_write_only_the_data_folder(installed: Path, folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    script, *arguments = [*command("ENTRYPOINT"), *command("CMD")]
    url = environment()["RINGBACK_DATABASE_URL"].replace("/data", str(data))

    with ServerProcess(
        command=[*as_nobody, str(installed / script), *arguments],
        cwd=data,
        host=environment()["RINGBACK_HOST"],
        database_url=url,
    ) as server:
        script, *arguments = command("HEALTHCHECK")
        run(*as_nobody, installed / script, *arguments, "--url", server.base_url, cwd=data)
        with server.client() as client:
            answer = client.post(f"{caller_ids_path()}.json", data={"PhoneNumber": "+14158675309"})
        status = server.stop()

    assert answer.status_code == 200
    assert status == 0
    assert (data / "ringback.db").stat().st_uid == NOBODY


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
@pytest.mark.skipif(python_for_all_users() is None, reason="no Python here that another user may run")
def test_image_command_reports_a_working_directory_that_its_user_cannot_read(installed: Path, folder: Path) -> None:
    data = folder / "data-of-root"
    data.mkdir(mode=0o700)
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    refused = subprocess.run(  # noqa: S603
        [*as_nobody, str(installed / "ringback"), "serve"],
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )

    reason = f"the working directory {data} cannot be used (Permission denied)"
    advice = "allow this user to read it, or run ringback as another user or in another directory"
    assert (refused.returncode, refused.stderr) == (2, f"ringback: {reason}: {advice}\n")
