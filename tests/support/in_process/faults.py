"""Helpers that create faults and trigger them."""

from typing import Any

from support.in_process.control import ControlledAccount

LIST = "/OutgoingCallerIds.json"
"""The path of the list of OutgoingCallerIds, relative to the account's path."""


async def add(account: ControlledAccount, operation: str, effect: dict[str, Any], **often: Any) -> dict[str, Any]:
    answer = await account.control("POST", "/faults", {"operation": operation, "effect": effect, **often})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def faults(account: ControlledAccount) -> list[dict[str, Any]]:
    answer = await account.control("GET", "/faults")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["faults"]
    return found


async def statuses(account: ControlledAccount, requests: int, path: str = LIST) -> list[int]:
    return [(await account.twilio("GET", path)).status_code for _ in range(requests)]
