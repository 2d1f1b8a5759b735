"""The server's process: ``python -m ringback``, which ends when the process that started it ends in any way."""

import os
import runpy
import select
import signal
import sys
import threading

LOOK_EVERY_SECONDS = 1.0


def _end_with_the_parent(parent: int) -> None:
    """Send SIGTERM to this process when its parent has ended.

    Standard input is a pipe from the parent and is closed when the parent ends. A process that the parent forked may
    still hold the other end: the parent's process ID tells then.
    """
    while os.getppid() == parent and not select.select([sys.stdin.fileno()], [], [], LOOK_EVERY_SECONDS)[0]:
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, args=[os.getppid()], daemon=True).start()
    runpy.run_module("ringback", run_name="__main__", alter_sys=True)
