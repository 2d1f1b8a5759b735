"""Name resolution and connections that never block the event loop or its threads.

The event loop's own resolver uses a small thread pool. All tasks share this pool, and a shutdown waits for it: a single
unresponsive name server would block them all.
"""

import asyncio
import errno
import socket
import threading
from contextlib import suppress

Addresses = list[tuple[socket.AddressFamily, str]]
"""Addresses in the order in which to try them."""


async def connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of a host's addresses that accepts the connection. Raises OSError, UnicodeError."""
    failure = OSError("it has no address")
    for family, address in await resolve(host, port):
        try:
            return await asyncio.open_connection(address, port, family=family, flags=socket.AI_NUMERICHOST)
        except OSError as error:
            failure = error
    raise failure


async def resolve(host: str, port: int) -> Addresses:
    """Return a host's addresses, each with its family. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    addresses: asyncio.Future[Addresses] = loop.create_future()

    def settle(result: Addresses | OSError | UnicodeError) -> None:
        if addresses.done():
            return
        if isinstance(result, list):
            addresses.set_result(result)
        else:
            addresses.set_exception(result)

    def look_up() -> None:
        result: Addresses | OSError | UnicodeError
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            result = [(family, str(address[0])) for family, _, _, _, address in answers]
        except (OSError, UnicodeError) as error:
            result = error
        except OverflowError:
            result = OSError(errno.EINVAL, "the port does not exist")
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=look_up, daemon=True).start()
    return await addresses
