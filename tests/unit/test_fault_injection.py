"""Fault injection into requests to the Twilio API."""

from unittest.mock import Mock

import pytest

from ringback.domain.faults import BadSignature, Duplicate, Effect, Suppress
from ringback.twilio_api.fault_injection import respond_with_fault

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("effect", [Duplicate(2), BadSignature(), Suppress()])
async def test_effect_on_callbacks_is_not_applied_to_a_request(effect: Effect) -> None:
    handler = Mock()

    with pytest.raises(ValueError, match="an effect on StatusCallbacks alone"):
        await respond_with_fault(Mock(), handler, effect)

    handler.assert_not_called()
