"""The server's process: ``python -m ringback``, which ends when the one that started it does, whatever ended that."""

import os
import runpy
import signal
import sys
import threading


def _end_with_the_parent() -> None:
    """Wait for the end of standard input, a pipe whose other end nobody but the parent holds."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module("ringback", run_name="__main__", alter_sys=True)
