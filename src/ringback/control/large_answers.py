"""Answers of many megabytes: written in short steps, and sent part by part, as fast as the client reads."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ringback.stepwise import Steps, run_steps, yield_to_requests

T = TypeVar("T")

PART_BYTES = 64 * 1024
"""How much of an answer is sent in one piece, about."""


class LargeAnswer(Response):
    """A JSON document in parts, sent one after the other; each is let go when it is sent."""

    media_type = "application/json"

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = deque(parts)
        super().__init__(headers={"content-length": str(sum(map(len, self._parts)))})

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while self._parts:
            await send({"type": "http.response.body", "body": self._next_part(), "more_body": True})
            await yield_to_requests()
        await send({"type": "http.response.body", "body": b""})

    def _next_part(self) -> bytes:
        """Return some parts in one piece."""
        taken, taken_bytes = list[bytes](), 0
        while self._parts and taken_bytes < PART_BYTES:
            taken.append(self._parts.popleft())
            taken_bytes += len(taken[-1])
        return b"".join(taken)


async def list_answer(name: str, values: Iterable[T], shown: Callable[[T], bytes]) -> LargeAnswer:
    """Return an object with a list of this name, each of its values as JSON by `shown`, written in short steps."""
    return LargeAnswer(await run_steps(_written(name, values, shown)))


def _written(name: str, values: Iterable[T], shown: Callable[[T], bytes]) -> Steps[list[bytes]]:
    parts, part, part_bytes = list[bytes](), [b'{"%b":[' % name.encode()], 0
    for place, value in enumerate(values):
        text = shown(value)
        part.append(b",%b" % text if place else text)
        part_bytes += len(text)
        if part_bytes > PART_BYTES:
            parts.append(b"".join(part))
            part, part_bytes = [], 0
        yield
    return [*parts, b"".join((*part, b"]}"))]
