"""How a fault changes the delivery of a callback: number of copies, signature, suppression."""

import pytest

from ringback.callback_delivery.plan import SendPlan, plan
from ringback.domain.fault_effects import AlterSignature, Delay, Duplicate, Effect, SignatureFlaw, Suppress
from ringback.domain.webhook_signing import WebhookSigning
from support.domain_values import a_callback

URL = "http://app.test/done"
AUTH_TOKEN = a_callback(URL).auth_token


@pytest.mark.parametrize("fault", [None, Delay(2)])
def test_callback_without_a_fault_or_with_an_expired_delay_is_sent_once(fault: Effect | None) -> None:
    callback = a_callback(URL, fault=fault)

    assert plan(callback) == SendPlan(callback, copies=1, at_once=False)


@pytest.mark.parametrize(("at_once", "connections"), [(False, 1), (True, 3)])
def test_duplicated_callback_is_sent_the_number_of_times_in_its_fault(*, at_once: bool, connections: int) -> None:
    callback = a_callback(URL, fault=Duplicate(3, at_once))

    planned = plan(callback)

    assert planned == SendPlan(callback, copies=3, at_once=at_once)
    assert isinstance(planned, SendPlan)
    assert planned.connections == connections


def test_callback_with_an_invalid_signature_is_signed_with_another_token() -> None:
    planned = plan(a_callback(URL, fault=AlterSignature(SignatureFlaw.BAD)))

    assert isinstance(planned, SendPlan)
    assert planned.copies == 1
    assert planned.callback.auth_token != AUTH_TOKEN


@pytest.mark.parametrize("secondary", ["another token", None])
def test_secondary_token_fault_signs_with_the_secondary_token_or_an_invalid_one(secondary: str | None) -> None:
    fault = AlterSignature(SignatureFlaw.SECONDARY)

    planned = plan(
        a_callback(URL, fault=fault, secondary_auth_token=secondary, webhook_signing=WebhookSigning("k", "secret"))
    )

    assert isinstance(planned, SendPlan)
    assert planned.callback.webhook_signing is None
    assert (planned.callback.auth_token == secondary, planned.callback.auth_token == AUTH_TOKEN) == (
        secondary is not None,
        False,
    )


def test_dropped_callback_is_suppressed() -> None:
    assert plan(a_callback(URL, fault=Suppress())) == Suppress()
