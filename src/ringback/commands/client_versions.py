"""The lowest client versions that work with the lines of `ringback env`, and the versions in use.

Versions are read from files in the current folder and its virtual environment. Unreadable files are ignored. The only
command that is executed is `node --version`. Source: docs/interception.md, the table of library versions.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

Version = tuple[int, ...]

NODE_SECONDS = 5.0
"""Time limit for `node --version`: a version manager's wrapper may be slow."""
OLD_NODE = (
    "Node {version} ignores the proxy variables in {modules}; Node 22.21 and 24.5 read them. The file in NODE_OPTIONS "
    "redirects its requests to ringback. If the application sets NODE_OPTIONS itself, include this file there"
)
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_FILES = 20
_NUMBER = r"v?(?P<version>[0-9]+(?:\.[0-9]+)+)"


class Library(NamedTuple):
    """A library, its lowest version that reaches ringback with the printed lines, and what older versions do."""

    name: str
    lowest: Version
    older: str
    files: Mapping[str, str]
    """Patterns of files in the working directory, and the regular expressions for the library's version in them."""


class InstalledVersion(NamedTuple):
    """A version, and the file that names it."""

    version: Version
    file: Path


_PYTHON_FILES = {
    "requirements*.txt": rf"(?mi)^twilio\s*==\s*{_NUMBER}",
    "uv.lock": rf'name = "twilio"\s+version = "{_NUMBER}"',
    "poetry.lock": rf'name = "twilio"\s+version = "{_NUMBER}"',
    "Pipfile.lock": rf'"twilio": \{{[^{{}}]*"version": "=={_NUMBER}"',
}
PYTHON = Library(
    "twilio for Python",
    (7, 9, 1),
    "versions from 6.40 to 7.9.0 fail, and older versions may reach Twilio",
    _PYTHON_FILES,
)
PYTHON_ASYNC = Library(
    "twilio for Python",
    (8, 0, 0),
    "older versions have no AsyncTwilioHttpClient",
    _PYTHON_FILES,
)
NODE = Library(
    "twilio for Node",
    (3, 56, 0),
    "older versions need NODE_OPTIONS or HTTPS_PROXY; without them, 3.41.0 to 3.43.0 reach Twilio",
    {"node_modules/twilio/package.json": rf'"version":\s*"{_NUMBER}"'},
)
PHP = Library(
    "twilio/sdk for PHP",
    (6, 5, 0),
    "older versions ignore TWILIO_REGION and reach Twilio without the proxy; before 5.37.0 they fail with the proxy",
    {"composer.lock": rf'"name": "twilio/sdk",\s*"version": "{_NUMBER}"'},
)
RUBY = Library(
    "twilio-ruby",
    (5, 77, 0),
    "older versions are not tested",
    {"Gemfile.lock": rf"(?m)^    twilio-ruby \({_NUMBER}\)"},
)
JAVA = Library(
    "com.twilio.sdk for Java",
    (8, 0, 0),
    "older versions ignore TWILIO_REGION and reach Twilio without the printed options",
    {
        "pom.xml": rf"<artifactId>twilio</artifactId>\s*<version>{_NUMBER}</version>",
        "build.gradle*": rf"com\.twilio\.sdk:twilio:{_NUMBER}",
    },
)
GO = Library(
    "twilio-go", (1, 30, 0), "older versions are not tested", {"go.mod": rf"github\.com/twilio/twilio-go {_NUMBER}"}
)
CSHARP = Library(
    "Twilio for .NET",
    (7, 14, 9),
    "older versions are not tested",
    {"*.csproj": rf'(?i)Include="Twilio"\s+Version="{_NUMBER}"'},
)
LIBRARIES: Mapping[str, tuple[Library, ...]] = {
    "any": (PYTHON, NODE, PHP, RUBY, JAVA, GO, CSHARP),
    "python": (PYTHON,),
    "python-async": (PYTHON_ASYNC,),
    "node": (NODE,),
    "php": (PHP,),
    "ruby": (RUBY,),
    "java": (JAVA,),
    "go": (GO,),
    "csharp": (CSHARP,),
    "curl": (),
}


def safe_version_note(client: str) -> list[str]:
    """Return a sentence for each of a client's libraries, with the lowest safe version."""
    return [f"Lowest safe version of {library.name}: {_shown(library.lowest)}." for library in LIBRARIES[client]]


def version_warnings(client: str, folder: Path) -> list[str]:
    """Return warnings about libraries older than their lowest safe versions, and about an old version of Node."""
    warnings = [
        f"{library.name} {_shown(installed.version)} in {installed.file} is older than {_shown(library.lowest)}, the "
        f"lowest safe version: {library.older} (docs/interception.md)"
        for library in LIBRARIES[client]
        for installed in sorted(set(_installed(library, folder)))
        if installed.version < library.lowest
    ]
    uses_node = client == "node" or (client == "any" and (folder / "package.json").is_file())
    return [*warnings, *(_node_warnings() if uses_node else [])]


def reads_proxy_variables(node: Version) -> bool:
    """Return whether Node's own fetch, http and https obey NODE_USE_ENV_PROXY.

    Source: the changelogs of Node 22.21.0, 24.0.0 (fetch alone) and 24.5.0, and the test results in
    docs/interception.md.
    """
    return node >= (24, 5) or (22, 21) <= node < (23,)


def _node_warnings() -> list[str]:
    version = node_version()
    if version is None or reads_proxy_variables(version):
        return []
    modules = "http and https" if version >= (24,) else "fetch, http and https"
    return [OLD_NODE.format(version=_shown(version), modules=modules)]


def node_version() -> Version | None:
    """Return the version of Node on PATH, or None if Node does not respond within NODE_SECONDS."""
    node = shutil.which("node")
    if node is None:
        return None
    environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(  # noqa: S603
            [node, "--version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=NODE_SECONDS,
            check=False,
        )
        if found := re.match(_NUMBER, answer.stdout.decode("ascii", "replace")):
            return _version(found["version"])
    return None


def _installed(library: Library, folder: Path) -> Iterator[InstalledVersion]:
    """Yield the versions of a library that the files in a folder name, and for Python those in virtual environments."""
    for pattern, expression in library.files.items():
        for file in _files(folder, pattern):
            if found := re.search(expression, _text(file)):
                yield InstalledVersion(_version(found["version"]), file)
    if library.files is _PYTHON_FILES:
        yield from _in_virtual_environments(folder)


def _in_virtual_environments(folder: Path) -> Iterator[InstalledVersion]:
    python = shutil.which("python3") or shutil.which("python")
    outside = [Path(place) for place in (os.environ.get("VIRTUAL_ENV"), python and Path(python).parent.parent) if place]
    for place in [*outside, folder / ".venv", folder / "venv"]:
        for kind in ("lib/python3*/site-packages", "lib/python3/dist-packages", "Lib/site-packages"):
            for metadata in _files(place, f"{kind}/twilio-*.dist-info/METADATA"):
                if found := re.fullmatch(rf"twilio-{_NUMBER}\.dist-info", metadata.parent.name):
                    yield InstalledVersion(_version(found["version"]), metadata.parent)


def _files(folder: Path, pattern: str) -> list[Path]:
    with suppress(OSError):
        return [file for file in islice(folder.glob(pattern), MAX_FILES) if file.is_file()]
    return []


def _text(file: Path) -> str:
    with suppress(OSError), file.open("rb") as opened:
        return opened.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    return ""


def _version(text: str) -> Version:
    return tuple(int(part[:9]) for part in text.split("."))


def _shown(version: Version) -> str:
    return ".".join(map(str, version))
