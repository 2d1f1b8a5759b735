"""Notifications of a call: its entries in Twilio's log.

They are derived from the call, and are not stored. Only a call that geo permissions blocked has a notification.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ringback.domain.call_filters import NothingMatches, parse_time_range
from ringback.domain.calls import ValidationCall
from ringback.domain.errors import MORE_INFO_URL
from ringback.domain.geography import country_of
from ringback.domain.phones import PhoneBehavior
from ringback.domain.sids import CALL, NOTIFICATION, AccountSid, CallSid, NotificationSid
from ringback.domain.timestamps import Timestamp

GEO_PERMISSION_CODE = "13227"
"""The error code for a call to a disabled country. Source: docs/fidelity.md, Notification [observed]."""
WARNING = "1"
"""The log level of warnings. Source: docs/fidelity.md, Notification [oai, observed]."""
GEO_PERMISSIONS_URL = "https://www.twilio.com/console/voice/calls/geo-permissions/low-risk"
UNKNOWN_COUNTRY = "ZZ"


class Notification(NamedTuple):
    """A notification. `log` is its level, and `date_created` is the time at which it was logged."""

    sid: NotificationSid
    account_sid: AccountSid
    call_sid: CallSid
    error_code: str
    log: str
    message_text: str
    date_created: Timestamp

    @property
    def more_info(self) -> str:
        return f"{MORE_INFO_URL}{self.error_code}"


def notifications_of(call: ValidationCall) -> tuple[Notification, ...]:
    """Return the notifications of a call. Their SIDs are derived from the call's SID.

    Source: docs/fidelity.md, Notification.
    """
    if call.phone is None or call.phone.behavior != PhoneBehavior.GEO_BLOCKED or call.ended_at is None:
        return ()
    return (
        Notification(
            NotificationSid(NOTIFICATION + call.sid.removeprefix(CALL)),
            call.account_sid,
            call.sid,
            GEO_PERMISSION_CODE,
            WARNING,
            permission_text(call.phone_number),
            call.ended_at,
        ),
    )


def permission_text(phone_number: str) -> str:
    """Return the text of the notification for a call to a disabled country.

    Source: docs/fidelity.md, Notification [observed].
    """
    country = country_of(phone_number) or UNKNOWN_COUNTRY
    return (
        "No International Permission. To call this phone number you must enable the Low Risk permission for "
        f"{country} at {GEO_PERMISSIONS_URL}?countryIsoCode={country}"
    )


def filter_notifications(call: ValidationCall, parameters: Mapping[str, str]) -> list[Notification]:
    """Return the notifications of a call that match the filters ``Log``, ``MessageDate``, ``MessageDate<`` and ``>``.

    An invalid date matches nothing. Source: docs/fidelity.md, Notification [oai].
    """
    try:
        dates = parse_time_range(parameters, "MessageDate")
    except NothingMatches:
        return []
    level = parameters.get("Log")
    return [
        notification
        for notification in notifications_of(call)
        if level in (None, notification.log) and dates.contains(notification.date_created)
    ]
