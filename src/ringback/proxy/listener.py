"""What a door is, for those who open it and need not know what is behind."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from fastapi import FastAPI
from starlette.types import ASGIApp

PROXY, TLS = "proxy", "tls"
"""The doors' names."""

NewProtocol = Callable[[ASGIApp], asyncio.Protocol]
"""Makes what serves one connection for an application."""


class Listener(Protocol):
    """What lets clients in beside the plain socket."""

    async def start(self, new_protocol: NewProtocol) -> None:
        """Let clients in."""

    def stop_accepting(self) -> None:
        """Let nobody in any more."""

    async def close(self) -> None:
        """End what is still under way."""


DoorsOf = Callable[[FastAPI], Sequence[Listener]]


class CertificateAuthorityUnavailable(Exception):
    """The certificate authority can neither be read nor made; the message is for the user."""
