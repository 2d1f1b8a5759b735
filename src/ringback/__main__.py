"""The entry point of ``ringback`` and ``python -m ringback``, with interpreter settings that make it faster."""

import gc
import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - pip refuses an older one, a checkout on PYTHONPATH does not
    sys.exit(f"ringback needs Python 3.11 or newer; this is {sys.version.split()[0]}. Run it with a newer interpreter.")

from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

from ringback.server.console import finish_output, open_missing_streams


def main() -> int:
    """Run a command.

    Garbage collection is off during the imports, because it would free nothing and take a tenth of the startup time.
    Building FastAPI's OpenAPI models would take another tenth, so pydantic builds them at the first request for /docs.
    """
    gc.disable()
    open_missing_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as for standard error, so that every message can be printed
    if sys.argv[1:2] == ["serve"]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit)
    if sys.argv[1:] == ["ready"]:
        from ringback.commands import health_check  # takes 5 ms, instead of 150 ms for the imports below

        status = health_check.run()
        if status is not None:
            return status
    from pydantic import BaseModel  # takes 100 ms without garbage collection

    BaseModel.model_config["defer_build"] = True
    from ringback.commands import main as cli  # takes 20 ms

    try:
        return cli.main()
    finally:
        finish_output()


def _exit(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Handle a stop signal that arrives during the imports: exit with status 0."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
