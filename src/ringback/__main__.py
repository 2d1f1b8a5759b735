"""Where ``ringback`` and ``python -m ringback`` begin: what makes the command start soon is decided here."""

import gc
import sys

from pydantic import BaseModel


def main() -> int:
    """Run a command.

    Importing makes next to no garbage, and looking for it takes a tenth of the start; FastAPI's models of OpenAPI take
    another, and are built when /docs asks for them.
    """
    gc.disable()
    BaseModel.model_config["defer_build"] = True
    from ringback import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
