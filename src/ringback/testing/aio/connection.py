"""A connection to a running server, for async tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ringback.testing.account import Account as SynchronousAccount
from ringback.testing.aio.account import Account
from ringback.testing.control import AsyncControl, parse_server_url
from ringback.testing.requests import ServerRequests

if TYPE_CHECKING:
    from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]


class Connection:
    """A connection to a running server. Use it to create accounts, one for each test."""

    def __init__(self, base_url: str, control_token: str | None = None) -> None:
        self.base_url = parse_server_url(base_url)
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
        """Create an account with a new SID and auth token."""
        request = self._requests.account(friendly_name=friendly_name, owner_email=owner_email, parent_sid=parent_sid)
        return Account(self, await self.control.send(request))

    async def existing_account(self, account_sid: str) -> Account:
        """Return an existing account, such as the one in the server's settings. Raises ControlError (404)."""
        return Account(self, await self.control.send(self._requests.existing_account(account_sid)))

    async def accounts(self) -> list[Account]:
        """Return all accounts, oldest first."""
        return [Account(self, document) for document in await self.control.send(self._requests.accounts())]

    async def reset(self) -> None:
        """Delete everything, including all accounts. Do not use it while other tests use the server."""
        await self.control.send(self._requests.reset())

    async def snapshot(self) -> dict[str, Any]:
        """Return the whole state of the server as one JSON document."""
        return await self.control.send(self._requests.snapshot())

    async def restore(self, document: dict[str, Any]) -> None:
        """Replace the whole state of the server with a snapshot."""
        await self.control.send(self._requests.restore(document))

    def twilio_http_client(self) -> "AsyncTwilioHttpClient":
        """Return the HTTP client for official clients. Raises ImportError if twilio or aiohttp is not installed."""
        from ringback.testing.async_twilio_client import AsyncRedirectingHttpClient  # 190 ms

        self._twilio_http = self._twilio_http or AsyncRedirectingHttpClient(self.base_url)
        return self._twilio_http

    def describe_failure(self) -> str:
        """Describe why the server does not answer."""
        return f"the server at {self.base_url} does not answer"

    async def close(self) -> None:
        """Close the connections. The server keeps running."""
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
    """Connect to the server at `url`. Pass its `control_token` if it has one. Raises ValueError for an invalid URL."""
    return Connection(url, control_token)


@asynccontextmanager
async def attach(account: SynchronousAccount) -> AsyncIterator[Account]:
    """Return a context manager that provides the async object of an account, such as the fixture ``ringback``."""
    async with connect(account.base_url, account.server.control_token) as server:
        yield Account(server, account.document)
