"""Where ``ringback`` and ``python -m ringback`` begin."""

import gc
import sys


def main() -> int:
    """Run a command. Importing makes next to no garbage: looking for it would take a tenth of the start."""
    gc.disable()
    from ringback import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
