"""Requests for an account's clock, faults, policy, phones and inboxes; see `ringback.testing.requests`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ringback.testing.models import ClockState, EffectivePolicy, Fault, InboxMessage, IncomingPhoneNumber, PhoneState
from ringback.testing.requests import (
    LIST_LIMIT,
    LONG_SECONDS,
    Request,
    account_path,
    ignore_response,
    list_reader,
    quote_segment,
    without_nones,
)


class ClockRequests:
    """Requests for an account's clock."""

    def __init__(self, account_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/clock"

    def read(self) -> Request[ClockState]:
        return Request("GET", self._path, ClockState.model_validate)

    def freeze(self, now: datetime | None = None) -> Request[datetime]:
        return self._set("frozen", now)

    def run(self, now: datetime | None = None) -> Request[datetime]:
        return self._set("running", now)

    def advance(self, seconds: float | timedelta) -> Request[datetime]:
        amount = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        path = f"{self._path}/advance"
        return Request("POST", path, _read_time, {"seconds": amount}, wait_seconds=LONG_SECONDS)

    def _set(self, mode: str, now: datetime | None) -> Request[datetime]:
        body = {"mode": mode, "now": None if now is None else now.isoformat()}
        return Request("PUT", self._path, _read_time, body)


def _read_time(document: Any) -> datetime:
    return ClockState.model_validate(document).now


class FaultRequests:
    """Requests for an account's faults."""

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
        return Request("POST", self._path, Fault.model_validate, without_nones(body))

    def list(self) -> Request[list[Fault]]:
        return Request("GET", self._path, list_reader("faults", Fault))

    def delete(self, fault_id: int) -> Request[None]:
        return Request("DELETE", f"{self._path}/{fault_id}", ignore_response)

    def clear(self) -> Request[None]:
        return Request("DELETE", self._path, ignore_response)


class PolicyRequests:
    """Requests for an account's policy."""

    def __init__(self, account_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/policy"

    def read(self) -> Request[EffectivePolicy]:
        return Request("GET", self._path, EffectivePolicy.model_validate)

    def set(
        self,
        *,
        account_type: str | None = None,
        calls_per_number_and_week: int | None = None,
        code_lifetime_seconds: float | None = None,
        code_attempts: int | None = None,
        long_friendly_name: str | None = None,
        second_request: str | None = None,
        callback_signed_port: str | None = None,
    ) -> Request[EffectivePolicy]:
        body = {
            "account_type": account_type,
            "calls_per_number_and_week": calls_per_number_and_week,
            "code_lifetime_seconds": code_lifetime_seconds,
            "code_attempts": code_attempts,
            "long_friendly_name": long_friendly_name,
            "second_request": second_request,
            "callback_signed_port": callback_signed_port,
        }
        return Request("PUT", self._path, EffectivePolicy.model_validate, body)

    def clear(self) -> Request[None]:
        return Request("DELETE", self._path, ignore_response)


class IncomingPhoneNumberRequests:
    """Requests for the numbers that an account owns at Twilio."""

    def __init__(self, account_sid: str) -> None:
        self._path = f"{account_path(account_sid)}/incoming-phone-numbers"

    def add(
        self, number: str, friendly_name: str | None = None, date_created: datetime | None = None
    ) -> Request[IncomingPhoneNumber]:
        created = None if date_created is None else date_created.isoformat()
        body = without_nones({"phone_number": number, "friendly_name": friendly_name, "date_created": created})
        return Request("POST", self._path, IncomingPhoneNumber.model_validate, body)

    def list(self) -> Request[list[IncomingPhoneNumber]]:
        reader = list_reader("incoming_phone_numbers", IncomingPhoneNumber)
        return Request("GET", self._path, reader, query={"limit": LIST_LIMIT})

    def delete(self, sid: str) -> Request[None]:
        return Request("DELETE", f"{self._path}/{quote_segment(sid)}", ignore_response)


class PhoneRequests:
    """Requests for one simulated phone."""

    def __init__(self, account_sid: str, number: str) -> None:
        self._path = f"{account_path(account_sid)}/phones/{quote_segment(number)}"

    def will(self, *entries: str | Mapping[str, Any]) -> Request[None]:
        return Request("POST", f"{self._path}/script", ignore_response, list(entries))

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
        return Request("PUT", self._path, ignore_response, without_nones(body))

    def read(self) -> Request[PhoneState]:
        return Request("GET", self._path, PhoneState.model_validate)

    def clear_rule(self) -> Request[None]:
        return Request("DELETE", self._path, ignore_response)

    def clear_script(self) -> Request[None]:
        return Request("DELETE", f"{self._path}/script", ignore_response)


class InboxRequests:
    """Requests for one inbox. `path` is the path to which StatusCallbacks are sent."""

    def __init__(self, account_sid: str, name: str) -> None:
        self.path = f"{account_path(account_sid)}/inbox/{quote_segment(name)}"

    def messages(self) -> Request[list[InboxMessage]]:
        return Request(
            "GET", f"{self.path}/messages", list_reader("messages", InboxMessage), query={"limit": LIST_LIMIT}
        )

    def clear(self) -> Request[None]:
        return Request("DELETE", f"{self.path}/messages", ignore_response)
