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


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage by the stage's name. The final stage has the name ``""``."""
    found: dict[str, list[tuple[str, str]]] = {}
    stage: list[tuple[str, str]] = []
    for name, arguments in instructions():
        if name == "FROM":
            stage = found[arguments.partition(" AS ")[2]] = []
        stage.append((name, arguments))
    return found


def final_stage() -> list[tuple[str, str]]:
    """Return the instructions of the final stage, which becomes the image."""
    return stages()[""]


def folders() -> dict[str, int]:
    """Return the folders that the image creates for data, with their modes."""
    runs = [arguments for name, arguments in final_stage() if name == "RUN"]
    made = re.findall(r"install --directory --mode=(\d+) (\S+)", " ".join(runs))
    return {folder: int(mode, 8) for mode, folder in made}


def labels() -> dict[str, str]:
    """Return the image's labels."""
    pairs = [pair for name, arguments in final_stage() if name == "LABEL" for pair in shlex.split(arguments)]
    return dict(pair.split("=", 1) for pair in pairs)


def health_check() -> dict[str, int]:
    """Return the options of the image's health check, as integers without units."""
    [arguments] = [arguments for name, arguments in final_stage() if name == "HEALTHCHECK"]
    return {name: int(value) for name, value in re.findall(r"--([a-z-]+)=(\d+)", arguments)}


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
    """Return the paths that the stages copy from the checkout."""
    return sorted({source for stage in stages().values() for source in copied(stage)})


def copied(stage: list[tuple[str, str]]) -> list[str]:
    """Return the paths that a stage copies from the checkout."""
    copies = [arguments.split() for name, arguments in stage if name == "COPY"]
    return [source for words in copies if not words[0].startswith("--from") for source in words[:-1]]
