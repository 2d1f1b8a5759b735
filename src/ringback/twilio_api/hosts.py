"""The hosts that a request names."""

from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Scope

from ringback.domain.twilio_hosts import Product, normalize_host, product_of
from ringback.domain.urls import TARGET_KEY, authority_of

MAX_CACHED_BYTES = 512
"""Longer Host fields are not cached: no host name is longer, and 256 long values would waste memory."""


def hosts_in(scope: Scope) -> Sequence[str]:
    """Return the normalized hosts in the Host header fields, and in a request target that is an absolute URL."""
    return [*_host_fields(scope), *_target_host(scope)]


def effective_hosts(scope: Scope) -> Sequence[str]:
    """Return the normalized host of an absolute request target, or the hosts in the Host fields for any other target.

    Source: RFC 9112, 3.2.2.
    """
    return _target_host(scope) or _host_fields(scope)


def product_in(scope: Scope) -> Product | None:
    """Return the emulated Twilio product whose host a request names, or None."""
    return next(filter(None, map(product_of, effective_hosts(scope))), None)


def _host_fields(scope: Scope) -> list[str]:
    return [
        _normalize_cached(value) if len(value) <= MAX_CACHED_BYTES else _normalize(value)
        for name, value in scope["headers"]
        if name == b"host"
    ]


def _normalize(field: bytes) -> str:
    return normalize_host(field.decode("latin-1"))


_normalize_cached = lru_cache(maxsize=256)(_normalize)


def _target_host(scope: Scope) -> list[str]:
    authority = authority_of(scope.get(TARGET_KEY, b""))
    return [] if authority is None else [normalize_host(authority)]
