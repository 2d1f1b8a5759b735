"""Run ``python -m ringback`` as a child process that ends when its parent process ends."""

import os
import runpy
import select
import signal
import sys
import threading

POLL_SECONDS = 1.0


def _terminate_with_parent(parent: int) -> None:
    """Send SIGTERM to this process when its parent ends.

    Standard input is a pipe from the parent, which is closed when the parent ends. If a process that the parent forked
    keeps the pipe open, a changed parent process ID shows that the parent has ended.
    """
    while os.getppid() == parent and not select.select([sys.stdin.fileno()], [], [], POLL_SECONDS)[0]:
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_terminate_with_parent, args=[os.getppid()], daemon=True).start()
    runpy.run_module("ringback", run_name="__main__", alter_sys=True)
