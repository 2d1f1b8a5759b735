"""Printing to standard streams that cannot be written or are missing."""

import io
import os
import sys
from pathlib import Path

import pytest

from ringback.server.console import finish_output, open_missing_streams, print_error, print_lines


class Full(io.StringIO):
    """A stream without space."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


class FullFile(io.StringIO):
    """A file whose buffer cannot be flushed."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    def fileno(self) -> int:
        return self._descriptor


def test_printed_lines_are_written_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    is_printed = print_lines("one", "two")
    finish_output()

    assert (is_printed, capsys.readouterr().out) == (True, "one\ntwo\n")


def test_lines_that_cannot_be_written_are_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())

    is_printed = print_lines("one")

    assert not is_printed
    assert capsys.readouterr().err == "ringback: Cannot write to standard output: No space left on device.\n"


def test_messages_that_cannot_be_written_are_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())

    print_error("nobody reads this")


def test_output_that_cannot_be_written_at_the_exit_is_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "output"
    with file.open("wb", buffering=0) as raw:
        with monkeypatch.context() as full:
            full.setattr(sys, "stdout", FullFile(raw.fileno()))
            finish_output()

        os.write(raw.fileno(), b"goes to the null device")
    assert file.read_bytes() == b""


def test_missing_streams_are_opened_on_the_null_device(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    def fstat(descriptor: int) -> None:
        if descriptor != 0:
            raise OSError(9, "Bad file descriptor")

    with monkeypatch.context() as closed:
        closed.setattr(os, "fstat", fstat)
        closed.setattr(os, "open", lambda path, _: opened.append(path))
        closed.setattr("builtins.open", lambda descriptor, mode, **_: (descriptor, mode))
        open_missing_streams()
        streams = sys.stdout, sys.stderr

    assert opened == [os.devnull] * 2
    assert streams == ((1, "w"), (2, "w"))
