"""A process that has imported what `ringback serve` imports, and of which servers are forked.

A server's start is imports for the most part, and the tests start a hundred: forked, each takes a fifth of the time. It
is a process like any other from there on. Tests of the start itself give a command, and start that.

The template waits for orders: a working folder, an environment, and two descriptors, one for the log and one for what
becomes of the server. For each it forks a warden, which forks the server, tells its process ID, waits for its end, and
tells how it ended. What it takes for that, only Linux has.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

ORDER_BYTES = 100_000
ANSWER_BYTES = 32
ANSWER_SECONDS = 100.0


class ForkedServer:
    """`ringback serve`, forked of the template, with as much of subprocess.Popen as the tests use."""

    def __init__(self, environment: dict[str, str], cwd: Path | None) -> None:
        log, log_of_the_server = os.pipe()
        self._fate, fate_of_the_server = socket.socketpair()
        order = json.dumps([str(cwd or Path.cwd()), environment]).encode()
        with fate_of_the_server, os.fdopen(log_of_the_server, "wb"):
            socket.send_fds(_template(), [order], [log_of_the_server, fate_of_the_server.fileno()])
        self.stderr = os.fdopen(log, encoding="utf-8")
        self.returncode: int | None = None
        self._waiting = threading.Lock()
        self.pid = self._answer(ANSWER_SECONDS)

    def _answer(self, seconds: float) -> int:
        """Return the next number of the warden; raise subprocess.TimeoutExpired when it does not come in time.

        Raises ChildProcessError when none can come, as template or warden are gone: that is no exit status of 0.
        """
        if not select.select([self._fate], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired("ringback serve", seconds)
        told = self._fate.recv(ANSWER_BYTES)
        if not told:
            raise ChildProcessError("nobody can tell what became of the server")
        return int.from_bytes(told, signed=True)

    def wait(self, timeout: float) -> int:
        """Return the exit status, negative for a signal; raise subprocess.TimeoutExpired where it goes on running."""
        with self._waiting:
            return self._ended(timeout)

    def _ended(self, timeout: float) -> int:
        if self.returncode is None:
            self.returncode = self._answer(timeout)
            self._fate.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs, or while another thread waits for its end."""
        if self._waiting.acquire(blocking=False):
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._ended(0)
            finally:
                self._waiting.release()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send this signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _template() -> socket.socket:
    """Return the way to this process's template, which ends when that way is closed: with this process."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with there:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, __file__, str(there.fileno())]
        process = subprocess.Popen(command, env=environment, pass_fds=[there.fileno()])  # noqa: S603
    process.returncode = 0  # nobody waits for it: it ends after this process
    atexit.register(here.close)
    return here


def _main() -> None:
    """Import as the command does, then fork at every order."""
    from pydantic import BaseModel  # noqa: PLC0415 - the tests import this file for what is above

    BaseModel.model_config["defer_build"] = True
    import ringback.app  # noqa: PLC0415
    import ringback.commands.main  # noqa: PLC0415
    import ringback.commands.serve  # noqa: F401, PLC0415
    from ringback import __main__  # noqa: PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a warden
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests: template and wardens end with them
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        while True:
            order, descriptors, *_ = socket.recv_fds(orders, ORDER_BYTES, 2)
            if not order:
                return
            log, fate = descriptors
            if os.fork() == 0:
                break
            os.close(log)
            os.close(fate)
    _ward(order, log, fate)
    sys.exit(__main__.main())


def _ward(order: bytes, log: int, fate: int) -> None:
    """Fork the server, where this returns, and tell what becomes of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(fate)
        _be_the_server(order, log)
        return
    os.close(log)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _tell(fate, pid)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        _tell(fate, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
        os.read(fate, 1)  # till nobody can send it a signal any more: its number is not given to another before
    os.waitpid(pid, 0)
    os._exit(0)


def _tell(fate: int, number: int) -> None:
    os.write(fate, number.to_bytes(ANSWER_BYTES, signed=True))


def _be_the_server(order: bytes, log: int) -> None:
    """Take on everything that the command would have been started with."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder, environment = json.loads(order)
    with Path(os.devnull).open("r+b", buffering=0) as nothing:
        for taken, instead in ((0, nothing.fileno()), (1, nothing.fileno()), (2, log)):
            os.dup2(instead, taken)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = [sys.modules["ringback.__main__"].__file__ or "ringback", "serve"]


if __name__ == "__main__":
    _main()
