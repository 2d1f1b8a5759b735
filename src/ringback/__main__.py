"""Let ``python -m ringback`` be the same as ``ringback``."""

import sys

from ringback.cli import main

sys.exit(main())
