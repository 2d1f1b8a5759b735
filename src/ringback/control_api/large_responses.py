"""JSON responses of many megabytes: serialized in steps that yield to other requests, and sent in parts."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ringback.control_api.schemas import ResponseModel
from ringback.domain.paging import AFTER_ALL_IDS
from ringback.operations.spool import Spool
from ringback.storage.stepwise import Steps, run_steps, yield_to_requests

T = TypeVar("T")


class _Row(Protocol):
    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=_Row)

ROWS_PER_READ = 3
"""Batch size of a read. Small, because an inbox message can take up 128 KiB."""


class SpooledJsonResponse(Response):
    """A JSON document that is sent in parts. Each part is freed when it is sent."""

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


async def list_response(
    name: str, values: Iterable[T], to_response: Callable[[T], ResponseModel]
) -> SpooledJsonResponse:
    """Return a JSON object whose only key, `name`, holds the list of values."""
    return await lists_response(**{name: await serialize(values, to_response)})


async def serialize(values: Iterable[T], to_response: Callable[[T], ResponseModel]) -> list[bytes]:
    """Serialize each of the values as JSON."""
    return await run_steps(_serialize(values, to_response))


def _serialize(values: Iterable[T], to_response: Callable[[T], ResponseModel]) -> Steps[list[bytes]]:
    items: list[bytes] = []
    for value in values:
        items.append(to_json(to_response(value)))
        yield
    return items


async def serialize_newest(
    fetch: Callable[[int, int], Awaitable[Sequence[Row]]], to_response: Callable[[Row], ResponseModel], limit: int
) -> list[bytes]:
    """Return at most `limit` rows as JSON, newest first. Rows are read in small batches.

    `fetch` takes an id and a number of rows, and returns the newest rows with lower ids.
    """
    items: list[bytes] = []
    before_id = AFTER_ALL_IDS
    while len(items) < limit:
        batch_size = min(ROWS_PER_READ, limit - len(items))
        rows = await fetch(before_id, batch_size)
        await yield_to_requests()  # without it, reading and serializing would block for twice as long
        items += await serialize(rows, to_response)
        if len(rows) < batch_size:
            break
        before_id = rows[-1].id
        await yield_to_requests()
    return items


async def lists_response(**lists: list[bytes]) -> SpooledJsonResponse:
    """Return a JSON object with the given lists of serialized items. Empties the lists to free memory."""
    return SpooledJsonResponse(await run_steps(_spool(lists)))


def _spool(lists: Mapping[str, list[bytes]]) -> Steps[Spool]:
    document, separator = Spool(), b"{"
    for name, items in lists.items():
        document.write(b'%b"%b":[' % (separator, name.encode()))
        separator = b""
        items.reverse()
        while items:
            document.write(separator)
            document.write(items.pop())
            separator = b","
            yield
        document.write(b"]")
        separator = b","
    document.write(b"}")
    return document


def to_json(response: ResponseModel) -> bytes:
    """Return a response as JSON."""
    return response.__pydantic_serializer__.to_json(response)
