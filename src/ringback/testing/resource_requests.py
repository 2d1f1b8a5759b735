"""The requests about an account's clock, faults, policy, phones and inboxes; see `ringback.testing.requests`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ringback.testing.records import ClockReading, Fault, InboxMessage, PhoneAtNumber, PolicyReading
from ringback.testing.requests import LONG_SECONDS, MOST, Request, account_path, given, items, nothing, segment


class ClockRequests:
    """Requests about an account's clock."""

    def __init__(self, account_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/clock"

    def read(self) -> Request[ClockReading]:
        return Request("GET", self._path, ClockReading.model_validate)

    def freeze(self, now: datetime | None = None) -> Request[datetime]:
        return self._set("frozen", now)

    def run(self, now: datetime | None = None) -> Request[datetime]:
        return self._set("running", now)

    def advance(self, seconds: float | timedelta) -> Request[datetime]:
        amount = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        path = f"{self._path}/advance"
        return Request("POST", path, _time_shown, {"seconds": amount}, wait_seconds=LONG_SECONDS)

    def _set(self, mode: str, now: datetime | None) -> Request[datetime]:
        body = {"mode": mode, "now": None if now is None else now.isoformat()}
        return Request("PUT", self._path, _time_shown, body)


def _time_shown(answer: Any) -> datetime:
    return ClockReading.model_validate(answer).now


class FaultRequests:
    """Requests about an account's injected faults."""

    def __init__(self, account_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/faults"

    def add(
        self,
        operation: str,
        effect: Mapping[str, Any],
        *,
        times: int | None = None,
        probability: float | None = None,
    ) -> Request[Fault]:
        body = {"operation": operation, "effect": dict(effect), "times": times, "probability": probability}
        return Request("POST", self._path, Fault.model_validate, given(body))

    def list(self) -> Request[list[Fault]]:
        return Request("GET", self._path, items("faults", Fault))

    def delete(self, fault_id: int) -> Request[None]:
        return Request("DELETE", f"{self._path}/{fault_id}", nothing)

    def clear(self) -> Request[None]:
        return Request("DELETE", self._path, nothing)


class PolicyRequests:
    """Requests about an account's policy."""

    def __init__(self, account_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/policy"

    def read(self) -> Request[PolicyReading]:
        return Request("GET", self._path, PolicyReading.model_validate)

    def set(
        self,
        *,
        account_type: str | None = None,
        calls_per_number_and_week: int | None = None,
        code_lifetime_seconds: float | None = None,
        code_attempts: int | None = None,
    ) -> Request[PolicyReading]:
        body = {
            "account_type": account_type,
            "calls_per_number_and_week": calls_per_number_and_week,
            "code_lifetime_seconds": code_lifetime_seconds,
            "code_attempts": code_attempts,
        }
        return Request("PUT", self._path, PolicyReading.model_validate, body)

    def clear(self) -> Request[None]:
        return Request("DELETE", self._path, nothing)


class PhoneRequests:
    """Requests about one simulated phone."""

    def __init__(self, account_sid: str, number: str) -> None:
        self._path = f"{account_path(account_sid)}/phones/{segment(number)}"

    def will(self, *entries: str | Mapping[str, Any]) -> Request[None]:
        return Request("POST", f"{self._path}/script", nothing, list(entries))

    def always(
        self,
        behavior: str,
        *,
        ring_seconds: float | None = None,
        key_seconds: float | None = None,
        extension: str | None = None,
    ) -> Request[None]:
        body = {
            "behavior": behavior,
            "ring_seconds": ring_seconds,
            "key_seconds": key_seconds,
            "extension": extension,
        }
        return Request("PUT", self._path, nothing, given(body))

    def look(self) -> Request[PhoneAtNumber]:
        return Request("GET", self._path, PhoneAtNumber.model_validate)

    def forget(self) -> Request[None]:
        return Request("DELETE", self._path, nothing)

    def forget_script(self) -> Request[None]:
        return Request("DELETE", f"{self._path}/script", nothing)


class InboxRequests:
    """Requests about one inbox; `path` is where StatusCallbacks are sent."""

    def __init__(self, account_sid: str, name: str) -> None:
        self.path = f"{account_path(account_sid)}/inbox/{segment(name)}"

    def messages(self) -> Request[list[InboxMessage]]:
        return Request("GET", f"{self.path}/messages", items("messages", InboxMessage), query={"limit": MOST})

    def empty(self) -> Request[None]:
        return Request("DELETE", f"{self.path}/messages", nothing)
