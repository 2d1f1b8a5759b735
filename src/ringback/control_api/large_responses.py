"""Answers of many megabytes: written in short steps, and sent part by part, as fast as the client reads."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ringback.control_api.schemas import View
from ringback.domain.paging import AFTER_ALL_IDS
from ringback.operations.spool import Spool
from ringback.storage.stepwise import Steps, run_steps, yield_to_requests

T = TypeVar("T")


class _Stored(Protocol):
    @property
    def id(self) -> int: ...


Stored = TypeVar("Stored", bound=_Stored)

ROWS_AT_ONCE = 8
"""How many rows are read between two pauses: a message in an inbox may have 128 KiB."""


class LargeAnswer(Response):
    """A JSON document that is sent part by part; each is let go when it is sent."""

    media_type = "application/json"

    def __init__(self, document: Spool) -> None:
        self._document = document
        super().__init__(headers={"content-length": str(len(document))})

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for part in self._document.parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await yield_to_requests()
        await send({"type": "http.response.body", "body": b""})


async def list_answer(name: str, values: Iterable[T], shown: Callable[[T], View]) -> LargeAnswer:
    """Return an object with a list of this name, each of its values as `shown`, written in short steps."""
    return await lists_of(**{name: await written(values, shown)})


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


async def lists_of(**lists: list[bytes]) -> LargeAnswer:
    """Return an object with lists of these names, whose values are JSON already, and are let go."""
    return LargeAnswer(await run_steps(_spooled(lists)))


def _spooled(lists: Mapping[str, list[bytes]]) -> Steps[Spool]:
    document, mark = Spool(), b"{"
    for name, texts in lists.items():
        document.write(b'%b"%b":[' % (mark, name.encode()))
        mark = b""
        texts.reverse()
        while texts:
            document.write(mark)
            document.write(texts.pop())
            mark = b","
            yield
        document.write(b"]")
        mark = b","
    document.write(b"}")
    return document


def json_of(view: View) -> bytes:
    """Return a view as JSON, as every answer has it."""
    return view.__pydantic_serializer__.to_json(view)
