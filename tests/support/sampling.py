"""Sizes of load tests and fuzzers: small, or full size with RINGBACK_TEST_WHOLE, as in CI."""

import os

WHOLE = "RINGBACK_TEST_WHOLE" in os.environ
