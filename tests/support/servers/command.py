"""The command line, run in the test's process."""

import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from ringback.commands.main import main
from ringback.server.logging_config import flush_logs
from support.waiting import PATIENCE_SECONDS

WIDE_COLUMNS = "500"
"""A width at which --help does not wrap lines."""


@dataclass(frozen=True)
class Finished:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines on standard error."""
        return self.err.splitlines()


class Command:
    """The command ``ringback``, run in an empty folder and without settings in the environment."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Finished:
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        if not gc.isenabled():  # `serve` disables these warnings; tests must see resources that it leaves open
            gc.enable()
            gc.collect()
        flush_logs(30)
        printed = self._capsys.readouterr()
        return Finished(status, printed.out, printed.err)


@contextmanager
def command_in(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Yield a command, and afterwards undo the logging configuration that ``serve`` applies to this process."""
    for name in os.environ:
        if name.upper().startswith("RINGBACK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", WIDE_COLUMNS)
    monkeypatch.setattr("ringback.commands.ready.TIMEOUT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.chdir(folder)
    taken_over = [
        (sys, "stdout", sys.stdout),
        (sys, "stderr", sys.stderr),
        (sys, "excepthook", sys.excepthook),
        (sys, "unraisablehook", sys.unraisablehook),
        (threading, "excepthook", threading.excepthook),
    ]
    root = logging.getLogger()
    handlers, level, configuration = list(root.handlers), root.level, structlog.get_config().copy()
    try:
        yield Command(capsys)
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.configure(**configuration)
        logging.captureWarnings(capture=False)
        for module, name, value in taken_over:
            setattr(module, name, value)
