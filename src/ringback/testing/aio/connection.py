"""A running server, for async tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ringback.testing.account import Account as SynchronousAccount
from ringback.testing.aio.account import Account
from ringback.testing.control import AsyncControl
from ringback.testing.requests import ServerRequests
from ringback.testing.urls import server_url

if TYPE_CHECKING:
    from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]


class Connection:
    """A running server: it makes accounts, one for each test."""

    def __init__(self, base_url: str, control_token: str | None = None) -> None:
        self.base_url = server_url(base_url)
        self.control_token = control_token
        self.control = AsyncControl(self.base_url, control_token)
        self._requests = ServerRequests()
        self._twilio_http: AsyncTwilioHttpClient | None = None

    async def account(
        self,
        *,
        friendly_name: str | None = None,
        owner_email: str | None = None,
        parent_sid: str | None = None,
    ) -> Account:
        """Make an account with a new SID and auth token."""
        request = self._requests.account(friendly_name=friendly_name, owner_email=owner_email, parent_sid=parent_sid)
        return Account(self, await self.control.send(request))

    async def existing_account(self, account_sid: str) -> Account:
        """Return an account that exists, such as the one of the server's settings. Raises ControlError."""
        return Account(self, await self.control.send(self._requests.existing_account(account_sid)))

    async def accounts(self) -> list[Account]:
        """Return all accounts, the oldest first."""
        return [Account(self, document) for document in await self.control.send(self._requests.accounts())]

    async def reset(self) -> None:
        """Empty the server, with all accounts: not where another test uses the same server."""
        await self.control.send(self._requests.reset())

    async def snapshot(self) -> dict[str, Any]:
        """Return the server's whole state as one JSON document."""
        return await self.control.send(self._requests.snapshot())

    async def restore(self, document: dict[str, Any]) -> None:
        """Replace the server's whole state with that of a snapshot."""
        await self.control.send(self._requests.restore(document))

    def twilio_http(self) -> "AsyncTwilioHttpClient":
        """Return the HTTP client of the official clients. Raises ImportError where twilio or aiohttp is missing."""
        from ringback.testing.async_twilio_client import AsyncRedirectingHttpClient

        self._twilio_http = self._twilio_http or AsyncRedirectingHttpClient(self.base_url)
        return self._twilio_http

    def absence(self) -> str:
        """Return a sentence about a server that gives no answer."""
        return f"the server at {self.base_url} does not answer"

    async def close(self) -> None:
        """Close the connections; the server goes on."""
        await self.control.close()
        if self._twilio_http is not None:
            await self._twilio_http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def connect(url: str, control_token: str | None = None) -> Connection:
    """Return the server that runs at `url`; `control_token` is its setting, where it has one. Raises ValueError."""
    return Connection(url, control_token)


@asynccontextmanager
async def attach(account: SynchronousAccount) -> AsyncIterator[Account]:
    """Give the async handle of an account, such as the fixture ``ringback``, until the `async with` block ends."""
    async with connect(account.base_url, account.server.control_token) as server:
        yield Account(server, account.document)
