"""The hosts that a request names."""

import re
from collections.abc import Iterator

from starlette.types import Scope

from ringback.domain.twilio_hosts import Product, normalize_host, product_of
from ringback.domain.urls import TARGET_KEY

_URL = re.compile(rb"[A-Za-z]+://([^/?#]*)")


def hosts_in(scope: Scope) -> Iterator[str]:
    """Yield the normalized hosts in the Host header fields, and in the request target if it is an absolute URL."""
    for name, value in scope["headers"]:
        if name == b"host":
            yield normalize_host(value.decode("latin-1"))
    if url := _URL.match(scope.get(TARGET_KEY, b"")):
        yield normalize_host(url[1].rpartition(b"@")[2].decode("latin-1"))


def product_in(scope: Scope) -> Product | None:
    """Return the emulated Twilio product whose host a request names, or None."""
    return next(filter(None, map(product_of, hosts_in(scope))), None)
