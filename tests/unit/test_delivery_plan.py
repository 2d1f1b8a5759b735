"""The plan of a callback's delivery under each fault."""

import pytest

from ringback.callback_delivery.delivery import SendPlan, plan
from ringback.domain.faults import BadSignature, Delay, Duplicate, Effect, Suppress
from support.domain_values import a_callback

URL = "http://app.test/done"
AUTH_TOKEN = a_callback(URL).auth_token


@pytest.mark.parametrize("fault", [None, Delay(2)])
def test_callback_without_a_fault_or_with_an_expired_delay_is_sent_once(fault: Effect | None) -> None:
    assert plan(a_callback(URL, fault=fault)) == SendPlan(1, AUTH_TOKEN)


def test_duplicated_callback_is_sent_the_number_of_times_in_its_fault() -> None:
    assert plan(a_callback(URL, fault=Duplicate(3))) == SendPlan(3, AUTH_TOKEN)


def test_callback_with_an_invalid_signature_is_signed_with_another_token() -> None:
    planned = plan(a_callback(URL, fault=BadSignature()))

    assert isinstance(planned, SendPlan)
    assert planned.copies == 1
    assert planned.auth_token != AUTH_TOKEN


def test_dropped_callback_is_suppressed() -> None:
    assert plan(a_callback(URL, fault=Suppress())) == Suppress()
