"""A template process that has imported the modules of `ringback serve`, and from which servers are forked.

The tests start a hundred servers, and imports take most of the startup time: a forked server starts in a fifth of that
time. Otherwise it is an ordinary process. Tests of the startup itself run a `command` instead.

The template waits for requests: a working directory, an environment, and two file descriptors, one for the log and one
for the server's status. For each request it forks a supervisor, which forks the server, sends its process ID, waits
until it ends, and sends its exit status. This works on Linux only.
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
    """`ringback serve`, forked from the template, with the methods of subprocess.Popen that the tests use."""

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
        """Return the next number from the supervisor. Raises subprocess.TimeoutExpired if it does not arrive in time.

        Raises ChildProcessError if the template or the supervisor has ended, so that this is not taken for exit status
        0.
        """
        if not select.select([self._fate], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired("ringback serve", seconds)
        told = self._fate.recv(ANSWER_BYTES)
        if not told:
            raise ChildProcessError("the status of the server is lost")
        return int.from_bytes(told, signed=True)

    def wait(self, timeout: float) -> int:
        """Return the exit status, negative for a signal. Raises subprocess.TimeoutExpired while the server runs."""
        with self._waiting:
            return self._ended(timeout)

    def _ended(self, timeout: float) -> int:
        if self.returncode is None:
            self.returncode = self._answer(timeout)
            self._fate.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit status, or None if the process is running or another thread is waiting for its end."""
        if self._waiting.acquire(blocking=False):
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._ended(0)
            finally:
                self._waiting.release()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _template() -> socket.socket:
    """Return a socket connected to this process's template. The template ends when the socket is closed."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with there:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, __file__, str(there.fileno())]
        process = subprocess.Popen(command, env=environment, pass_fds=[there.fileno()])  # noqa: S603
    process.returncode = 0  # avoids a ResourceWarning: the template ends after this process
    atexit.register(here.close)
    return here


def _main() -> None:
    """Import ringback's modules, then fork a server for each request."""
    from pydantic import BaseModel  # noqa: PLC0415 - tests that import this file do not need it

    BaseModel.model_config["defer_build"] = True
    import ringback.app  # noqa: PLC0415
    import ringback.commands.main  # noqa: PLC0415
    import ringback.commands.serve  # noqa: F401, PLC0415
    from ringback import __main__  # noqa: PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the supervisors
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the tests handle Ctrl-C; the other processes end with them
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
    _supervise(order, log, fate)
    sys.exit(__main__.main())


def _supervise(order: bytes, log: int, fate: int) -> None:
    """Fork the server, and report its process ID and exit status. This function returns only in the server."""
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
        os.read(fate, 1)  # the process ID must not be reused while tests may send signals to it
    os.waitpid(pid, 0)
    os._exit(0)


def _tell(fate: int, number: int) -> None:
    os.write(fate, number.to_bytes(ANSWER_BYTES, signed=True))


def _be_the_server(order: bytes, log: int) -> None:
    """Set this process's working directory, environment, streams and arguments to those of the command."""
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
