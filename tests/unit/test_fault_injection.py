"""Fault injection into requests to the Twilio API."""

import asyncio
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest
from starlette.responses import Response

from ringback.domain.errors import TwilioError, not_found
from ringback.domain.fault_effects import AlterSignature, Delay, Duplicate, Effect, SignatureFlaw, Suppress
from ringback.twilio_api.fault_injection import respond_with_fault
from ringback.twilio_api.request_context import no_content

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("effect", [Duplicate(2), AlterSignature(SignatureFlaw.BAD), Suppress()])
async def test_effect_on_callbacks_is_not_applied_to_a_request(effect: Effect) -> None:
    handler = Mock()

    with pytest.raises(ValueError, match="applies only to StatusCallbacks"):
        await respond_with_fault(Mock(), handler, effect)

    handler.assert_not_called()


@pytest.mark.parametrize("ending", [None, not_found("/x.json")], ids=["response", "error"])
async def test_late_response_is_delayed_after_the_handler_has_run(
    ending: TwilioError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    async def handler(_: Any) -> Response:
        order.append("handled")
        if ending:
            raise ending
        return no_content()

    async def sleep(seconds: float) -> None:
        order.append(f"slept {seconds:g}")

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with suppress(TwilioError):
        await respond_with_fault(Mock(), handler, Delay(2, "after"))

    assert order == ["handled", "slept 2"]
