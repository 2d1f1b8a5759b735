"""The requests of a delivery attempt as one column of JSON, and back."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from ringback.domain.callback_hops import CallbackHop


def hops_text(hops: Sequence[CallbackHop]) -> str | None:
    """Return the column of an attempt's requests, None where there are none."""
    if not hops:
        return None
    rows = [
        (hop.method, hop.url, hop.headers, hop.is_sent, hop.status_code, hop.location, hop.elapsed_ms, hop.error)
        for hop in hops
    ]
    return orjson.dumps(rows).decode()


def hops_of(text: str | None) -> tuple[CallbackHop, ...]:
    """Return the requests that a column holds."""
    return () if text is None else tuple(_hop(*row) for row in orjson.loads(text))


def _hop(method: str, url: str, headers: Iterable[tuple[str, str]], *answer: Any) -> CallbackHop:
    return CallbackHop(method, url, tuple((name, value) for name, value in headers), *answer)
