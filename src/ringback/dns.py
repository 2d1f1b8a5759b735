"""Finding a host by its name, whose look-up may hang as long as it likes: nobody else waits for it.

The event loop's own resolver has a few threads for everybody, and a server's stop waits for them.
"""

import asyncio
import errno
import socket
import threading
from contextlib import suppress

_Found = list[tuple[socket.AddressFamily, str]]
"""Addresses, in the order in which to try them."""


async def connected(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with the first of a host's addresses that takes the connection. Raises OSError, UnicodeError."""
    failure = OSError("it has no address")
    for family, address in await found_addresses(host, port):
        try:
            return await asyncio.open_connection(address, port, family=family, flags=socket.AI_NUMERICHOST)
        except OSError as error:
            failure = error
    raise failure


async def found_addresses(host: str, port: int) -> _Found:
    """Return a host's addresses, each with its family. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[_Found] = loop.create_future()

    def settle(result: _Found | OSError | UnicodeError) -> None:
        if found.done():
            return
        if isinstance(result, list):
            found.set_result(result)
        else:
            found.set_exception(result)

    def look_up() -> None:
        result: _Found | OSError | UnicodeError
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            result = [(family, str(place[0])) for family, _, _, _, place in answers]
        except (OSError, UnicodeError) as error:
            result = error
        except OverflowError:
            result = OSError(errno.EINVAL, "there is no such port")
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=look_up, daemon=True).start()
    return await found
