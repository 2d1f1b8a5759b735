"""How much of what takes long is run: a sample, or with RINGBACK_TEST_WHOLE the whole, as CI does."""

import os

WHOLE = "RINGBACK_TEST_WHOLE" in os.environ
