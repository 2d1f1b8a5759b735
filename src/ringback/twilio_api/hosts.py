"""The hosts that a request names."""

import re
from collections.abc import Iterator

from starlette.types import Scope

from ringback.domain.twilio_hosts import normalize_host
from ringback.domain.urls import TARGET_KEY

_URL = re.compile(rb"[A-Za-z]+://([^/?#]*)")


def hosts_in(scope: Scope) -> Iterator[str]:
    """Yield the hosts of the Host fields and of an absolute URL as request target, each normalized."""
    for name, value in scope["headers"]:
        if name == b"host":
            yield normalize_host(value.decode("latin-1"))
    if url := _URL.match(scope.get(TARGET_KEY, b"")):
        yield normalize_host(url[1].rpartition(b"@")[2].decode("latin-1"))
