"""Whoever has much to do does it bit by bit, and gives way to requests in between."""

import asyncio

TURNS_OF_A_REQUEST = 3
"""How many turns of the event loop a request takes: to be read, to be worked on, to be answered."""


async def give_way() -> None:
    """Let the requests that have come meanwhile be answered.

    In a single turn they would only be read, and then wait for another bit of the work, and for one more.
    """
    for _ in range(TURNS_OF_A_REQUEST):
        await asyncio.sleep(0)
