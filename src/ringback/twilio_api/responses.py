"""One request to the Twilio surface, as its handler sees it."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ringback.domain.accounts import Account
from ringback.domain.errors import TwilioError, not_found
from ringback.domain.paging import Page
from ringback.operations.services import Services
from ringback.twilio_api.documents import Document
from ringback.twilio_api.representations import Representation

Row = TypeVar("Row")

ROWS_ON_EVENT_LOOP = 100
"""The longest page that is written on the event loop. Longer ones take milliseconds: a thread writes them."""
STATE_KEY = "exchange"
CALL_KEY = "ringback.call_sid"
"""Where a request's scope names the call that it began, for the log."""


class Exchange:
    """What is known of a request before its handler runs: who asks, for which form, with what to work."""

    __slots__ = ("account", "path", "representation", "services")

    def __init__(self, services: Services, path: str, representation: Representation, account: Account) -> None:
        self.services = services
        self.path = path
        self.representation = representation
        self.account = account

    def answer(self, document: Document) -> Response:
        """Return status 200 with `document` in the form that was asked for."""
        return TwilioResponse(200, self.representation.serialize(document), self.representation.content_type)

    async def answer_page(self, page: Page[Row], document_of: Callable[[Page[Row]], Document]) -> Response:
        """Return status 200 with the document of a page, in the form that was asked for."""
        if len(page.rows) <= ROWS_ON_EVENT_LOOP:
            return self.answer(document_of(page))
        return await asyncio.to_thread(lambda: self.answer(document_of(page)))

    def not_found(self) -> TwilioError:
        """Return the error for a resource that this account does not have."""
        return not_found(self.path)


def exchange_of(request: Request) -> Exchange:
    """Return the exchange that the edge laid beside a request."""
    exchange: Exchange = request.scope["state"][STATE_KEY]
    return exchange


class TwilioResponse(Response):
    """A finished answer; unlike Starlette's it is not looked at again, and costs next to nothing."""

    def __init__(self, status: int, body: bytes, content_type: bytes | None) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body))] if content_type else []
        if content_type:
            self.raw_headers.append((b"content-type", content_type))


NO_CONTENT = 204


def no_content() -> Response:
    """Return status 204: no body, no Content-Type."""
    return TwilioResponse(NO_CONTENT, b"", None)
