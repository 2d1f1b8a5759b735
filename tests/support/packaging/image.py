"""The instructions of the Dockerfile, so that tests run the same commands as the image."""

import json
import re
import shlex

from support.code_blocks import ROOT

_CONTINUED = re.compile(r"\\\n")


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order, each with its arguments on one line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = _CONTINUED.sub(" ", "\n".join(lines))
    split = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(name.upper(), arguments) for name, arguments in split]


def final_stage() -> list[tuple[str, str]]:
    """Return the instructions of the image's stage."""
    found = instructions()
    last = max(position for position, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def command(name: str) -> list[str]:
    """Return ENTRYPOINT, CMD or HEALTHCHECK of the image, which must be in exec form."""
    [arguments] = [arguments for known, arguments in final_stage() if known == name]
    words: list[str] = json.loads(arguments[arguments.index("[") :])
    return words


def environment() -> dict[str, str]:
    """Return the image's environment variables."""
    found: dict[str, str] = {}
    for name, arguments in final_stage():
        if name == "ENV":
            found |= dict(pair.split("=", 1) for pair in shlex.split(arguments))
    return found


def build_context() -> list[str]:
    """Return the paths that the first stage copies from the checkout."""
    sources: list[str] = []
    for name, arguments in instructions():
        if name == "COPY" and "--from" not in arguments:
            sources += arguments.split()[:-1]
    return sources
