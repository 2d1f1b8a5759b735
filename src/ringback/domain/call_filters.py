"""Filters for the list of calls: number, status, start time and end time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ringback.domain.callbacks import VALIDATION_CALLER
from ringback.domain.calls import CallState, ValidationCall
from ringback.domain.phone_numbers import to_e164
from ringback.domain.timestamps import MICROSECONDS, Timestamp, from_datetime

DAY = 86_400 * MICROSECONDS


def start_time(call: ValidationCall) -> Timestamp | None:
    """Return the time when the number was dialed, or None for a call that was not dialed.

    Source: docs/fidelity.md, Call [oai].
    """
    if call.ringing_at is not None:
        return call.ringing_at
    return call.ended_at if call.phone else None


def end_time(call: ValidationCall) -> Timestamp | None:
    """Return the time when a completed call ended, or None for any other call. Source: docs/fidelity.md, Call [oai]."""
    return call.ended_at if call.state == CallState.COMPLETED else None


def date_updated(call: ValidationCall) -> Timestamp:
    """Return the time of the last change to a call."""
    return call.timeline[-1].at if call.timeline else call.date_created


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of times from `start` (inclusive) to `before` (exclusive); None means unbounded."""

    start: Timestamp | None = None
    before: Timestamp | None = None

    def contains(self, moment: Timestamp) -> bool:
        """Return whether `moment` is within the range."""
        return (self.start is None or self.start <= moment) and (self.before is None or moment < self.before)


ALWAYS = TimeRange()


@dataclass(frozen=True, slots=True)
class CallFilters:
    """The filters for a list of calls: an E.164 number, states, and ranges of start and end times.

    A filter that is None matches every call.
    """

    phone_number: str | None = None
    states: tuple[CallState, ...] | None = None
    started: TimeRange = ALWAYS
    ended: TimeRange = ALWAYS


class NothingMatches(Exception):
    """No call can match these parameters."""


def parse_call_filters(parameters: Mapping[str, str]) -> CallFilters:
    """Parse ``To``, ``From``, ``Status``, ``ParentCallSid``, ``StartTime`` and ``EndTime`` (also with < and >).

    Raises NothingMatches for an invalid number, status or time, and for values that no validation call has: a parent
    call, or a caller other than Twilio's number. Source: docs/fidelity.md, list of calls.
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
        parse_time_range(parameters, "StartTime"),
        parse_time_range(parameters, "EndTime"),
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


def parse_time_range(parameters: Mapping[str, str], name: str) -> TimeRange:
    """Return the time range that the parameters ``Name``, ``Name>`` and ``Name<`` define.

    ``Name`` selects a day, ``Name>`` this time and later times, and ``Name<`` earlier times. Raises NothingMatches for
    an invalid time.
    """
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
    """Parse ``2009-07-06`` or ``2009-07-06T12:00:00Z``; a time without an offset is UTC."""
    try:
        return from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise NothingMatches from error
