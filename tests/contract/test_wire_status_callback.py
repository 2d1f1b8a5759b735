"""The StatusCallback parameters for each outcome of a call.

Rules: docs/fidelity.md, StatusCallback parameters.
"""

import fcntl
import math
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest

from support.receivers.receiver import CallbackReceiver, Received
from support.waiting import PATIENCE_SECONDS
from support.wire.api import Api, draw_number, drawn_numbers, records

VALIDATION_CALLER = "+14157234000"
PARAMETERS = [
    *("Called", "ToState", "CallerCountry", "Direction", "Timestamp", "CallbackSource", "SipResponseCode"),
    *("CallerState", "ToZip", "SequenceNumber", "CallSid", "To", "CallerZip", "ToCountry", "CalledZip", "ApiVersion"),
    *("CalledCity", "CallStatus", "Duration", "From", "CallDuration", "AccountSid", "CalledCountry", "CallerCity"),
    *("ToCity", "FromCountry", "Caller", "FromCity", "CalledState", "FromZip", "FromState"),
    "VerificationStatus",
]
SIP_RESPONSE_CODES = {"completed": "200", "busy": "486", "no-answer": "487", "failed": "404"}
ENDINGS = {
    "wrong code": ("+15005550011", "completed", "failed"),
    "silence": ("+15005550012", "completed", "failed"),
    "hang-up": ("+15005550013", "completed", "failed"),
    "busy": ("+15005550014", "busy", "failed"),
    "no answer": ("+15005550015", "no-answer", "failed"),
    "unreachable": ("+15005550016", "failed", "failed"),
    "geo-blocked": ("+15005550019", "failed", "failed"),
    "right code": (None, "completed", "success"),
    "right code two seconds later": (None, "completed", "success"),
    "right code at the second attempt": ("+15005550017", "completed", "success"),
}
EXTENSIONS = {"right code two seconds later": "wwww"}
SLOW_ENDINGS = ("silence", "no answer")
LONGEST_QUICK_ENDING = "right code at the second attempt"
SLOW_SECONDS = 1.0
"""Time limit for an outcome that depends on the timeouts of another server. After it, the test is skipped."""
NEEDS_SHORT_TIMES = (
    "needs short timeouts: start the server with "
    "`ringback serve --key-seconds 0.05 --ring-timeout-seconds 0.3 --prompt-timeout-seconds 0.2`"
)


@dataclass(frozen=True)
class Endings:
    """One call for each outcome: the SID and number of each call, and the receiver of the StatusCallbacks.

    On another server, tests of outcomes are skipped if its timeouts make them slow.
    """

    calls: dict[str, tuple[str, str]]
    receiver: CallbackReceiver
    is_own_server: bool
    given_up: set[str] = field(default_factory=set)

    def callback(self, ending: str) -> dict[str, str]:
        """Wait for the StatusCallback of the call with this outcome, and return the callback's parameters."""
        if self.is_own_server or ending not in SLOW_ENDINGS:
            return self._wait_for(ending, PATIENCE_SECONDS)
        self._wait_for(LONGEST_QUICK_ENDING, PATIENCE_SECONDS)
        try:
            return self._wait_for(ending, 0.0 if ending in self.given_up else SLOW_SECONDS)
        except AssertionError:
            self.given_up.add(ending)
            pytest.skip(NEEDS_SHORT_TIMES)

    def _wait_for(self, ending: str, seconds: float) -> dict[str, str]:
        call_sid, _ = self.calls[ending]

        def is_of_call(received: Received) -> bool:
            return received.form["CallSid"] == call_sid

        return self.receiver.wait_for(1, where=is_of_call, seconds=seconds)[0].form


@pytest.fixture(scope="module")
def endings(api: Api, request: pytest.FixtureRequest) -> Iterator[Endings]:
    """Create one call for each outcome, all at the same time.

    The reserved numbers are shared: concurrent runs against the same server must wait for each other.
    """
    lock = Path(tempfile.gettempdir()) / f"ringback-contract-{zlib.crc32(api.base_url.encode())}.lock"
    with lock.open("w") as locked, CallbackReceiver() as receiver:
        fcntl.flock(locked, fcntl.LOCK_EX)
        calls = {}
        for ending, (reserved, _, _) in ENDINGS.items():
            number = reserved or draw_number("212")
            drawn_numbers.add(number)
            for row in records(api.list(PhoneNumber=number)):
                api.delete(row)
            extension = EXTENSIONS.get(ending, "")
            answer = api.validate(number, StatusCallback=f"{receiver.url}/ended", Extension=extension)
            calls[ending] = (answer.json()["call_sid"], number)
        yield Endings(calls, receiver, is_own_server=not request.config.getoption("--base-url"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_callback_statuses_match_the_outcome_of_the_call(endings: Endings, ending: str) -> None:
    _, call_status, verification_status = ENDINGS[ending]

    told = endings.callback(ending)

    assert (told["CallStatus"], told["VerificationStatus"]) == (call_status, verification_status)


@pytest.mark.parametrize("ending", ENDINGS)
def test_callback_has_exactly_the_documented_parameters_in_order(endings: Endings, ending: str) -> None:
    told = endings.callback(ending)

    on_success = ["OutgoingCallerIdSid"] if ENDINGS[ending][2] == "success" else []
    assert list(told) == PARAMETERS + on_success


@pytest.mark.parametrize("ending", ENDINGS)
def test_sip_response_code_matches_the_final_status(endings: Endings, ending: str) -> None:
    told = endings.callback(ending)

    code = "403" if ending == "geo-blocked" else SIP_RESPONSE_CODES[ENDINGS[ending][1]]
    assert told["SipResponseCode"] == code


@pytest.mark.parametrize("ending", ENDINGS)
def test_callback_parameters_contain_the_values_of_the_call(api: Api, endings: Endings, ending: str) -> None:
    call_sid, number = endings.calls[ending]

    told = endings.callback(ending)

    expected = {
        "CallSid": call_sid,
        "AccountSid": api.account_sid,
        "From": VALIDATION_CALLER,
        "Caller": VALIDATION_CALLER,
        "To": number,
        "Called": number,
        "ApiVersion": "2010-04-01",
        "Direction": "outbound-api",
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
    }
    assert {name: told[name] for name in expected} == expected
    assert told["Timestamp"] == format_datetime(parsedate_to_datetime(told["Timestamp"]))


@pytest.mark.parametrize("ending", ["busy", "unreachable", "no answer"])
def test_callback_of_an_unanswered_call_has_a_duration_of_zero(endings: Endings, ending: str) -> None:
    told = endings.callback(ending)

    assert (told["CallDuration"], told["Duration"]) == ("0", "0")


def test_callback_has_the_duration_in_seconds_and_in_minutes_rounded_up(endings: Endings) -> None:
    told = endings.callback("right code two seconds later")

    seconds, minutes = int(told["CallDuration"]), int(told["Duration"])
    assert seconds >= 2
    assert minutes == math.ceil(seconds / 60)


def test_w_in_an_extension_is_a_pause_of_half_a_second(endings: Endings) -> None:
    waiting = endings.callback("right code two seconds later")

    assert int(waiting["CallDuration"]) >= 4 * 0.5


def test_callback_has_the_state_and_country_of_both_numbers(endings: Endings) -> None:
    told = endings.callback("right code")

    for party in ("From", "Caller"):
        assert (told[f"{party}State"], told[f"{party}Country"]) == ("CA", "US")
    for party in ("To", "Called"):
        assert (told[f"{party}State"], told[f"{party}Country"]) == ("NY", "US")


@pytest.mark.parametrize("ending", ["right code", "right code at the second attempt"])
def test_callback_of_a_successful_call_contains_the_caller_id_sid(api: Api, endings: Endings, ending: str) -> None:
    told = endings.callback(ending)

    assert re.fullmatch("PN[0-9a-f]{32}", told["OutgoingCallerIdSid"])
    verified = api.find(told["To"])
    assert verified is not None
    assert verified["sid"] == told["OutgoingCallerIdSid"]
    assert verified["date_created"] == told["Timestamp"]


@pytest.mark.parametrize("ending", [ending for ending, (_, _, status) in ENDINGS.items() if status == "failed"])
def test_failed_call_creates_no_caller_id(api: Api, endings: Endings, ending: str) -> None:
    told = endings.callback(ending)

    assert api.find(told["To"]) is None


def test_callback_is_sent_once_for_each_call(endings: Endings) -> None:
    quick = [endings.calls[ending][0] for ending in ENDINGS if ending not in SLOW_ENDINGS]
    for ending in ENDINGS.keys() - set(SLOW_ENDINGS):
        endings.callback(ending)

    arrived = [received.form["CallSid"] for received in endings.receiver.received]

    assert sorted(sid for sid in arrived if sid in quick) == sorted(quick)


def test_callback_of_a_superseded_call_is_sent_immediately(api: Api, receiver: CallbackReceiver) -> None:
    number = draw_number()
    older = api.validate(number, CallDelay="60", StatusCallback=f"{receiver.url}/").json()

    api.validate(number, CallDelay="60")

    [told] = receiver.wait_for(1)
    assert (told.form["CallSid"], told.form["CallStatus"]) == (older["call_sid"], "failed")
