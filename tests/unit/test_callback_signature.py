"""The signature and the parameters of a StatusCallback."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.domain.callbacks import signature, status_callback_parameters
from ringback.domain.calls import CallState, VerificationStatus
from ringback.domain.phones import PhoneBehavior
from ringback.domain.timestamps import after
from support.domain_values import ACCOUNT_SID, CALL_SID, CALLER_ID_SID, T0, a_call, a_phone

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
NAMES = [
    *("Called", "Direction", "Timestamp", "CallbackSource", "SipResponseCode", "SequenceNumber", "CallSid", "To"),
    *("ApiVersion", "CallStatus", "Duration", "From", "CallDuration", "AccountSid", "Caller", "VerificationStatus"),
]


def ended(**changes: Any) -> dict[str, str]:
    values = {"state": CallState.COMPLETED, "verification_status": VerificationStatus.FAILED, "ended_at": T0} | changes
    return dict(status_callback_parameters(a_call(**values)))


def test_documented_example_has_the_documented_signature() -> None:
    assert signature(TOKEN, URL, FORM) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_signature_does_not_depend_on_the_order_of_parameters() -> None:
    assert signature(TOKEN, URL, FORM[::-1]) == signature(TOKEN, URL, FORM)


@given(st.dictionaries(st.text("abcXYZ", min_size=1), st.text()), st.text(st.characters(codec="ascii"), max_size=32))
def test_official_library_computes_the_same_signature(form: dict[str, str], token: str) -> None:
    assert signature(token, URL, list(form.items())) == RequestValidator(token).compute_signature(URL, form)


def test_parameters_of_a_failed_call_and_their_order_are_exact() -> None:
    call = a_call(state=CallState.BUSY, verification_status=VerificationStatus.FAILED, ended_at=T0)

    parameters = status_callback_parameters(call)

    assert [name for name, _ in parameters] == NAMES


def test_caller_id_is_the_last_parameter_of_a_successful_call() -> None:
    call = a_call(
        state=CallState.COMPLETED,
        verification_status=VerificationStatus.SUCCESS,
        outgoing_caller_id_sid=CALLER_ID_SID,
        ended_at=T0,
    )

    parameters = status_callback_parameters(call)

    assert [name for name, _ in parameters] == [*NAMES, "OutgoingCallerIdSid"]
    assert parameters[-2:] == (("VerificationStatus", "success"), ("OutgoingCallerIdSid", CALLER_ID_SID))


def test_parameter_values_are_those_of_the_call() -> None:
    told = ended(phone_number="+12125551234", answered_at=T0, ended_at=after(T0, 61.5))

    assert told == {
        "CallSid": CALL_SID,
        "AccountSid": ACCOUNT_SID,
        "From": "+14157234000",
        "To": "+12125551234",
        "Caller": "+14157234000",
        "Called": "+12125551234",
        "CallStatus": "completed",
        "ApiVersion": "2010-04-01",
        "Direction": "outbound-api",
        "CallDuration": "61",
        "Duration": "2",
        "Timestamp": "Tue, 27 Jul 2010 20:22:12 +0000",
        "CallbackSource": "call-progress-events",
        "SipResponseCode": "200",
        "SequenceNumber": "0",
        "VerificationStatus": "failed",
    }


@pytest.mark.parametrize(
    ("seconds", "whole", "minutes"),
    [
        (0, "0", "0"),
        (0.000001, "0", "0"),
        (0.999999, "0", "0"),
        (1, "1", "1"),
        (59.9, "59", "1"),
        (60, "60", "1"),
        (60.999999, "60", "1"),
        (61, "61", "2"),
        (120, "120", "2"),
        (121, "121", "3"),
    ],
)
def test_duration_is_call_duration_in_minutes_rounded_up(seconds: float, whole: str, minutes: str) -> None:
    told = ended(answered_at=T0, ended_at=after(T0, seconds))

    assert (told["CallDuration"], told["Duration"]) == (whole, minutes)


def test_unanswered_call_has_a_duration_of_zero() -> None:
    told = ended(state=CallState.NO_ANSWER, ended_at=after(T0, 60))

    assert (told["CallStatus"], told["CallDuration"], told["Duration"]) == ("no-answer", "0", "0")


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (CallState.COMPLETED, "200"),
        (CallState.BUSY, "486"),
        (CallState.NO_ANSWER, "487"),
        (CallState.FAILED, "404"),
        (CallState.CANCELED, "487"),
    ],
)
def test_sip_response_code_is_that_of_the_final_status(state: CallState, code: str) -> None:
    assert ended(state=state)["SipResponseCode"] == code


def test_sip_response_code_of_a_geo_blocked_call_is_403() -> None:
    told = ended(state=CallState.FAILED, phone=a_phone(PhoneBehavior.GEO_BLOCKED))

    assert (told["CallStatus"], told["SipResponseCode"], told["CallDuration"]) == ("failed", "403", "0")


def test_parameter_values_are_plain_text() -> None:
    parameters = status_callback_parameters(a_call(state=CallState.BUSY))

    assert {type(text) for pair in parameters for text in pair} == {str}
