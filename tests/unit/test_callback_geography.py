"""The geographic parameters of a StatusCallback."""

from ringback.domain.callback_hops import ParameterPairs
from ringback.domain.callbacks import PARAMETER_ORDER, status_callback_parameters, with_geography
from ringback.domain.calls import CallState, VerificationStatus
from support.domain_values import CALL_SID, CALLER_ID_SID, NUMBER, T0, a_call

PLACES = {
    "FromCity": "",
    "FromState": "CA",
    "FromZip": "",
    "FromCountry": "US",
    "CallerCity": "",
    "CallerState": "CA",
    "CallerZip": "",
    "CallerCountry": "US",
    "ToCity": "New York",
    "ToState": "NY",
    "ToZip": "",
    "ToCountry": "US",
    "CalledCity": "New York",
    "CalledState": "NY",
    "CalledZip": "",
    "CalledCountry": "US",
}
WRITTEN_BY_0_1_0 = (
    *(("CallSid", CALL_SID), ("From", "+14157234000"), ("To", NUMBER), ("Caller", "+14157234000"), ("Called", NUMBER)),
    *(("SequenceNumber", "0"), ("VerificationStatus", "failed")),
)


def parameters_of(number: str) -> ParameterPairs:
    call = a_call(
        phone_number=number,
        state=CallState.COMPLETED,
        verification_status=VerificationStatus.SUCCESS,
        outgoing_caller_id_sid=CALLER_ID_SID,
        ended_at=T0,
    )
    return status_callback_parameters(call)


def test_geography_of_both_numbers_is_added_in_parameter_order() -> None:
    parameters = parameters_of("+12125551234")

    sent = with_geography(parameters)

    assert dict(sent) == dict(parameters) | PLACES
    assert [name for name, _ in sent] == list(PARAMETER_ORDER)


def test_callback_stored_by_0_1_0_is_sent_in_the_current_order() -> None:
    sent = [name for name, _ in with_geography(WRITTEN_BY_0_1_0)]

    assert set(sent) == {name for name, _ in WRITTEN_BY_0_1_0} | PLACES.keys()
    assert sent == sorted(sent, key=PARAMETER_ORDER.index)


def test_existing_geography_is_kept() -> None:
    told = tuple(
        (name, "Elsewhere" if name == "ToCity" else value)
        for name, value in with_geography(parameters_of("+12125551234"))
    )

    assert with_geography(told) == told


def test_geography_of_an_unknown_number_is_empty() -> None:
    told = dict(with_geography(parameters_of("+80012345678")))

    assert {told[f"{party}{what}"] for party in ("To", "Called") for what in ("City", "State", "Zip", "Country")} == {
        ""
    }
    assert told["FromCountry"] == "US"
