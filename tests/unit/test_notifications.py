"""Notifications, which are derived from calls: docs/calls.md."""

import pytest

from ringback.domain.calls import CallState
from ringback.domain.notifications import notifications_of, permission_text
from ringback.domain.phones import PhoneBehavior
from ringback.domain.sids import NOTIFICATION, is_sid
from support.domain_values import T0, a_call, a_phone

BLOCKED = {"state": CallState.FAILED, "phone": a_phone(PhoneBehavior.GEO_BLOCKED), "ended_at": T0}


def test_blocked_call_has_one_notification_with_a_stable_sid() -> None:
    call = a_call(**BLOCKED)

    [notification] = notifications_of(call)

    assert is_sid(NOTIFICATION, notification.sid)
    assert notifications_of(call) == (notification,)
    assert (notification.call_sid, notification.account_sid, notification.date_created) == (
        call.sid,
        call.account_sid,
        T0,
    )


@pytest.mark.parametrize("behavior", set(PhoneBehavior) - {PhoneBehavior.GEO_BLOCKED})
def test_calls_to_other_phones_have_no_notifications(behavior: PhoneBehavior) -> None:
    assert notifications_of(a_call(state=CallState.FAILED, phone=a_phone(behavior), ended_at=T0)) == ()


def test_call_that_was_not_dialed_has_no_notifications() -> None:
    assert notifications_of(a_call(state=CallState.CANCELED, phone=None, ended_at=T0)) == ()


@pytest.mark.parametrize(
    ("number", "country"),
    [("+2348141995397", "NG"), ("+442079460958", "GB"), ("+15005550019", "US"), ("+80012345678", "ZZ")],
)
def test_permission_text_names_the_country_of_the_number(number: str, country: str) -> None:
    text = permission_text(number)

    assert f"permission for {country} at " in text
    assert text.endswith(f"?countryIsoCode={country}")
