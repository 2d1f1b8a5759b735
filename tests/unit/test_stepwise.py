"""Whoever gives way lets a request be read, worked on and answered."""

import asyncio

import pytest

from ringback.stepwise import yield_to_requests

pytestmark = pytest.mark.anyio


async def test_each_step_of_a_request_that_has_come_is_taken() -> None:
    loop, taken = asyncio.get_running_loop(), list[str]()

    def step(*names: str) -> None:
        taken.append(names[0])
        if names[1:]:
            loop.call_soon(step, *names[1:])

    loop.call_soon(step, "read", "worked on", "answered")
    await yield_to_requests()

    assert taken == ["read", "worked on", "answered"]
