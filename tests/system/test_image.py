"""The container image: its commands, variables, layers, user, folders, build context and installed packages."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ringback
from ringback.config.settings import ENVIRONMENT_PREFIX, Settings
from support.code_blocks import ROOT
from support.packaging.image import (
    build_context,
    command,
    copied,
    environment,
    final_stage,
    folders,
    labels,
    stages,
)
from support.waiting import PROGRAM_SECONDS

PYTHON = {"python_version": "3.13", "python_full_version": "3.13.0"}
GLIBC_OF_THE_IMAGE = ("2_17", "2_28", "2_34", "2_39")
"""glibc versions of the manylinux wheels that can be installed on the image's Debian."""
IMPORT_ALL = """
import importlib, pkgutil, sys
import ringback
optional = "ringback.testing"
for module in pkgutil.walk_packages(ringback.__path__, "ringback."):
    if not module.name.startswith(optional) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*[module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)])
"""


def run_of(stage: str) -> str:
    """Return the RUN commands of a stage, joined by ``&&``."""
    return " && ".join(arguments for name, arguments in stages()[stage] if name == "RUN")


def packages(*roots: str) -> set[str]:
    """Return the names of all packages that `roots` require in the image, according to this environment's metadata."""
    todo = [(root, "") for root in roots]
    found: set[str] = set()
    for package, extra in todo:
        for requirement in map(Requirement, requires(package) or []):
            variables = {**PYTHON, "extra": extra}
            if requirement.marker is None or requirement.marker.evaluate(variables):
                name = str(canonicalize_name(requirement.name))
                found.add(name)
                todo += [(name, wanted) for wanted in requirement.extras | {""} if (name, wanted) not in todo]
    return found


def test_image_serves_and_checks_its_health_with_tested_commands() -> None:
    assert command("ENTRYPOINT") == ["ringback"]
    assert command("CMD") == ["serve"]
    assert command("HEALTHCHECK") == ["ringback", "ready"]


def test_ringback_variables_of_the_image_are_settings() -> None:
    settings = {name for name in environment() if name.startswith(ENVIRONMENT_PREFIX)}

    assert settings <= {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert {"RINGBACK_HOST", "RINGBACK_DATABASE_URL"} <= settings


def test_image_user_has_a_fixed_id_and_the_root_group() -> None:
    [user] = [arguments for name, arguments in final_stage() if name == "USER"]

    assert user == "10001:0"


def test_image_data_folder_is_writable_by_any_user_and_the_authority_folder_by_its_group() -> None:
    assert folders() == {"/data": 0o1777, "/authority": 0o775}


def test_image_build_context_contains_the_files_it_needs() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert build_context() == sorted(line[1:] for line in lines if line.startswith("!"))


def test_image_layer_of_dependencies_does_not_depend_on_the_source() -> None:
    [copies] = [arguments for name, arguments in stages()["dependencies"] if arguments.startswith("--from")]
    layers = [arguments for name, arguments in final_stage() if name == "COPY"]

    assert copied(stages()["dependencies"]) == ["constraints.txt"]
    assert copies == "--from=requirements /build/run.txt /build/build.txt ./"
    assert layers == ["--from=dependencies /opt/ringback /opt/ringback", "--from=package /package /opt/ringback"]


def test_image_requirements_are_those_of_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    read = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    subprocess.run(["sh", "-euc", f"alias python={sys.executable}\n{run_of('requirements')}"], cwd=tmp_path, check=True)  # noqa: S603, S607

    assert (tmp_path / "run.txt").read_text().splitlines() == read["project"]["dependencies"]
    assert (tmp_path / "build.txt").read_text().splitlines() == read["build-system"]["requires"]


def test_image_versions_are_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    installs = re.findall(r"pip --python .*?(?=&&|$)", f"{run_of('dependencies')} && {run_of('package')}")

    assert len(installs) == 3
    assert all("--constraint constraints.txt" in line or "--no-deps --no-index" in line for line in installs)
    assert packages("ringback", "hatchling") <= pinned


def test_image_has_labels_that_describe_it() -> None:
    prefix = "org.opencontainers.image."
    [base] = {arguments for name, arguments in final_stage() if name == "FROM"}

    assert labels()[f"{prefix}version"] == ringback.__version__
    assert labels()[f"{prefix}licenses"] == "MIT"
    assert labels()[f"{prefix}base.name"] == base
    assert {f"{prefix}title", f"{prefix}description"} <= labels().keys()


def test_image_leaves_out_only_modules_that_are_never_imported() -> None:
    [left_out] = re.findall(r"rm -r \S+/site-packages/(\S+)", run_of("dependencies"))
    [not_compiled] = re.findall(r"-x '(\S+)' /opt/ringback/lib", run_of("dependencies"))

    listed = subprocess.run(  # noqa: S603
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True, timeout=PROGRAM_SECONDS
    )

    files = [file for file in listed.stdout.split() if "/ringback/" not in file]
    assert len(files) > 500
    assert [file for file in files if f"/{left_out}/" in file or re.search(not_compiled, file)] == []


@pytest.mark.slow
def test_image_packages_have_wheels_for_arm64(tmp_path: Path) -> None:
    compiled = {name: f"{name}=={version(name)}" for name in packages("ringback") if is_compiled(name)}
    platforms = [f"--platform=manylinux_{glibc}_aarch64" for glibc in GLIBC_OF_THE_IMAGE]
    target = [f"--target={tmp_path}", "--python-version=3.13", "--implementation=cp", *platforms]
    options = ["--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:", *target]

    found = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options, *compiled.values()],
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )

    assert {"cryptography", "lxml", "psycopg-binary", "pydantic-core", "uvloop"} <= compiled.keys()
    assert found.returncode == 0, found.stderr


def is_compiled(name: str) -> bool:
    """Return whether the installed wheel of a package depends on the type of processor."""
    return "Root-Is-Purelib: false" in (distribution(name).read_text("WHEEL") or "")
