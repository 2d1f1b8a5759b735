"""What a call shows of its times, and the lists of calls that are picked by them, by number and by status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ringback.domain.callbacks import VALIDATION_CALLER
from ringback.domain.calls import CallState, ValidationCall
from ringback.domain.phone_numbers import to_e164
from ringback.domain.timestamps import MICROSECONDS, Timestamp, from_datetime

DAY = 86_400 * MICROSECONDS


def start_time(call: ValidationCall) -> Timestamp | None:
    """Return when the number was dialled; None for a call that waits to be dialled, or never was.

    Source: docs/fidelity.md, Call [oai].
    """
    if call.ringing_at is not None:
        return call.ringing_at
    return call.ended_at if call.phone else None


def end_time(call: ValidationCall) -> Timestamp | None:
    """Return when a completed call ended; None for one that did not complete. Source: docs/fidelity.md, Call [oai]."""
    return call.ended_at if call.state == CallState.COMPLETED else None


def date_updated(call: ValidationCall) -> Timestamp:
    """Return when something last happened to a call."""
    return call.timeline[-1].at if call.timeline else call.date_created


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From an instant on, and before another; None where there is no such bound."""

    start: Timestamp | None = None
    before: Timestamp | None = None


ALWAYS = TimeRange()


@dataclass(frozen=True, slots=True)
class CallFilters:
    """Which calls a list has: those to an E.164 number, in some states, begun and ended within a time; None for any."""

    phone_number: str | None = None
    states: tuple[CallState, ...] | None = None
    started: TimeRange = ALWAYS
    ended: TimeRange = ALWAYS


class NothingMatches(Exception):
    """No call can be as these parameters want it."""


def parse_call_filters(parameters: Mapping[str, str]) -> CallFilters:
    """Read ``To``, ``From``, ``Status``, ``ParentCallSid``, ``StartTime`` and ``EndTime``, the times with < and > too.

    Raises NothingMatches for a number, status or time that is none, and for what no validation call has: a parent, or
    another caller than Twilio's. Source: docs/fidelity.md, list of calls.
    """
    if parameters.get("ParentCallSid"):
        raise NothingMatches
    caller = parameters.get("From")
    if caller is not None and to_e164(caller, None) != VALIDATION_CALLER:
        raise NothingMatches
    number, status = parameters.get("To"), parameters.get("Status")
    return CallFilters(
        None if number is None else _number(number),
        None if status is None else _states(status),
        _time_range(parameters, "StartTime"),
        _time_range(parameters, "EndTime"),
    )


def _number(written: str) -> str:
    e164 = to_e164(written, None)
    if e164 is None:
        raise NothingMatches
    return e164


def _states(status: str) -> tuple[CallState, ...]:
    states = tuple(state for state in CallState if state.status == status)
    if not states:
        raise NothingMatches
    return states


def _time_range(parameters: Mapping[str, str], name: str) -> TimeRange:
    """Return the time that ``Name``, ``Name>`` and ``Name<`` leave: on that day, from then on, before then."""
    starts, ends = [], []
    if name in parameters:
        moment = _moment(parameters[name])
        midnight = moment - moment % DAY
        starts.append(Timestamp(midnight))
        ends.append(Timestamp(midnight + DAY))
    if f"{name}>" in parameters:
        starts.append(_moment(parameters[f"{name}>"]))
    if f"{name}<" in parameters:
        ends.append(_moment(parameters[f"{name}<"]))
    return TimeRange(max(starts, default=None), min(ends, default=None))


def _moment(text: str) -> Timestamp:
    """Read ``2009-07-06`` or ``2009-07-06T12:00:00Z``; without an offset it is UTC."""
    try:
        return from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise NothingMatches from error
