"""Answers of many megabytes: written in short steps, and sent part by part, as fast as the client reads."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ringback.control.views import View
from ringback.domain.paging import AFTER_ALL_IDS
from ringback.stepwise import Steps, run_steps, yield_to_requests

T = TypeVar("T")


class _Stored(Protocol):
    @property
    def id(self) -> int: ...


Stored = TypeVar("Stored", bound=_Stored)

ROWS_AT_ONCE = 8
"""How many rows are read between two pauses: a message in an inbox may have 128 KiB."""
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


async def list_answer(name: str, values: Iterable[T], shown: Callable[[T], View]) -> LargeAnswer:
    """Return an object with a list of this name, each of its values as `shown`, written in short steps."""
    return lists_of(**{name: await written(values, shown)})


async def written(values: Iterable[T], shown: Callable[[T], View]) -> list[bytes]:
    """Return each of these values as `shown`, in JSON, written in short steps."""
    return await run_steps(_texts(values, shown))


def _texts(values: Iterable[T], shown: Callable[[T], View]) -> Steps[list[bytes]]:
    texts: list[bytes] = []
    for value in values:
        texts.append(json_of(shown(value)))
        yield
    return texts


async def newest(
    fetch: Callable[[int, int], Awaitable[Sequence[Stored]]], shown: Callable[[Stored], View], limit: int
) -> list[bytes]:
    """Return at most `limit` rows as `shown`, in JSON, newest first: read page by page, so that nobody waits for all.

    `fetch` is given the id before which a page begins, and how many rows it has.
    """
    texts: list[bytes] = []
    before_id = AFTER_ALL_IDS
    while len(texts) < limit:
        wanted = min(ROWS_AT_ONCE, limit - len(texts))
        rows = await fetch(before_id, wanted)
        texts += await written(rows, shown)
        if len(rows) < wanted:
            break
        before_id = rows[-1].id
        await yield_to_requests()
    return texts


def lists_of(**lists: Sequence[bytes]) -> LargeAnswer:
    """Return an object with lists of these names, whose values are JSON already."""
    return LargeAnswer(_object_of(lists))


def _object_of(lists: Mapping[str, Sequence[bytes]]) -> Iterator[bytes]:
    mark = b"{"
    for name, texts in lists.items():
        yield b'%b"%b":[' % (mark, name.encode())
        for place, text in enumerate(texts):
            if place:
                yield b","
            yield text
        yield b"]"
        mark = b","
    yield b"}"


def json_of(view: View) -> bytes:
    """Return a view as JSON, as every answer has it."""
    return view.__pydantic_serializer__.to_json(view)
