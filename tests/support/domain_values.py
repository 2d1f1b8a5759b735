"""Domain values for tests, with defaults for every field."""

from dataclasses import replace
from typing import Any

from ringback.domain.callbacks import StatusCallback
from ringback.domain.caller_ids import OutgoingCallerId
from ringback.domain.calls import CallState, ValidationCall
from ringback.domain.phones import Phone, PhoneBehavior
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid, CallSid, OutgoingCallerIdSid
from ringback.domain.timestamps import Timestamp

T0 = Timestamp(1_280_262_071_000_000)
"""Tue, 27 Jul 2010 20:21:11 +0000"""
ACCOUNT_SID = AccountSid("AC00000000000000000000000000000001")
AUTH_TOKEN = "feedfacefeedfacefeedfacefeedface"
CALL_SID = CallSid("CA" + "1" * 32)
CALLER_ID_SID = OutgoingCallerIdSid("PN" + "2" * 32)
CODE = "012345"
WRONG_CODE = "999999"
NUMBER = "+14158675309"
POLICY = CallPolicy(
    ring_timeout_seconds=60.0,
    prompt_timeout_seconds=10.0,
    code_attempts=3,
    default_phone=Phone(PhoneBehavior.ENTER_CODE),
)


def a_phone(behavior: PhoneBehavior = PhoneBehavior.ENTER_CODE, **changes: Any) -> Phone:
    """Return a phone that is answered after one second. The callee enters the code one second later."""
    return replace(Phone(behavior), **changes)


def a_call(**changes: Any) -> ValidationCall:
    """Return a queued call with three attempts to enter the code."""
    call = ValidationCall(
        sid=CALL_SID,
        account_sid=ACCOUNT_SID,
        phone_number=NUMBER,
        friendly_name=None,
        validation_code=CODE,
        extension=None,
        call_delay_seconds=0,
        status_callback=None,
        status_callback_method="POST",
        state=CallState.QUEUED,
        attempts_allowed=3,
        attempts_left=3,
        date_created=T0,
    )
    return call._replace(**changes)


def a_caller_id(**changes: Any) -> OutgoingCallerId:
    """Return a caller ID whose friendly name is its number."""
    return OutgoingCallerId(CALLER_ID_SID, ACCOUNT_SID, "(415) 867-5309", NUMBER, T0, T0)._replace(**changes)


def a_callback(url: str, **changes: Any) -> StatusCallback:
    """Return a StatusCallback with two parameters and no attempts."""
    callback = StatusCallback(
        call_sid=CALL_SID,
        account_sid=ACCOUNT_SID,
        auth_token="12345",
        url=url,
        method="POST",
        parameters=(("CallSid", CALL_SID), ("To", NUMBER)),
        idempotency_token="4b1f4f4e-8f5c-4a37-9a4e-6a4d4f0f2f0d",
        attempts=0,
    )
    return replace(callback, **changes)
