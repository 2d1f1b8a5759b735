"""The geography in the parameters of a StatusCallback."""

from ringback.domain.callback_hops import ParameterPairs
from ringback.domain.callbacks import status_callback_parameters, with_geography
from ringback.domain.calls import CallState, VerificationStatus
from support.domain_values import CALLER_ID_SID, T0, a_call

PLACES = (
    ("FromCity", ""),
    ("FromState", "CA"),
    ("FromZip", ""),
    ("FromCountry", "US"),
    ("CallerCity", ""),
    ("CallerState", "CA"),
    ("CallerZip", ""),
    ("CallerCountry", "US"),
    ("ToCity", "New York"),
    ("ToState", "NY"),
    ("ToZip", ""),
    ("ToCountry", "US"),
    ("CalledCity", "New York"),
    ("CalledState", "NY"),
    ("CalledZip", ""),
    ("CalledCountry", "US"),
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


def test_geography_follows_the_sequence_number() -> None:
    parameters = parameters_of("+12125551234")

    told = with_geography(parameters)

    assert [name for name, _ in told[:14]] == [name for name, _ in parameters[:14]]
    assert told[13:] == (
        ("SequenceNumber", "0"),
        *PLACES,
        ("VerificationStatus", "success"),
        ("OutgoingCallerIdSid", CALLER_ID_SID),
    )


def test_other_parameters_are_unchanged() -> None:
    parameters = parameters_of("+442079460958")

    told = with_geography(parameters)

    assert len(told) == len(parameters) + 16
    assert tuple(pair for pair in told if pair in parameters) == parameters


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
