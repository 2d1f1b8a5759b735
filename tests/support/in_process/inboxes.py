"""Helpers that send messages to an inbox and read them."""

import base64
import hashlib
import hmac
from typing import Any

from support.in_process.control import ControlledAccount


def signature(token: str, text: str) -> str:
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def url(account: ControlledAccount, name: str = "x") -> str:
    return f"http://test/_ringback/accounts/{account.sid}/inbox/{name}"


async def messages(account: ControlledAccount, name: str = "x", **query: Any) -> list[dict[str, Any]]:
    answer = await account.control("GET", f"/inbox/{name}/messages", **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def send_form(account: ControlledAccount, signed: str, **headers: str) -> dict[str, Any]:
    """Send the form a=1&b=2 with a signature of the text `signed`, and return the message in the inbox."""
    answer = await account.http.post(
        url(account),
        data={"b": "2", "a": "1"},
        headers={"X-Twilio-Signature": signature(account.auth_token, signed)} | headers,
    )
    assert (answer.status_code, answer.content) == (204, b"")
    return (await messages(account))[-1]
