"""Where ``ringback`` and ``python -m ringback`` begin: what makes the command start soon is decided here."""

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

    Importing makes next to no garbage, and looking for it takes a tenth of the start; FastAPI's models of OpenAPI take
    another, and are built when /docs asks for them.
    """
    gc.disable()
    open_missing_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error has it: no message fails to be printed
    if sys.argv[1:2] == ["serve"]:
        for wish in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wish, _leave)
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True
    from ringback.commands import main as cli

    try:
        return cli.main()
    finally:
        finish_output()


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Stopping a server is no failure, while its modules are imported neither."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
