"""Hooks for schemathesis on the Twilio API, loaded by SCHEMATHESIS_HOOKS.

The environment variable FUZZ_ANSWERS has the file to which a line is written for each response: method, path in the
OpenAPI description, status. FUZZ_CALLER_ID has the SID of an existing caller ID, FUZZ_CALL that of a call with a
notification.
"""

import base64
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext
from schemathesis.core.transport import Response

from support.servers.server import ACCOUNT_SID, AUTH_TOKEN
from support.wire.api import check_answer

UNAUTHENTICATED_EVERY, UNCHANGED_EVERY = 7, 5
"""One in UNAUTHENTICATED_EVERY cases has no credentials, and one in UNCHANGED_EVERY keeps its path parameters."""
CREDENTIALS = f"Basic {base64.b64encode(f'{ACCOUNT_SID}:{AUTH_TOKEN}'.encode()).decode()}"

_counted: Iterator[int] = itertools.count(1)


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Authenticate most requests, and replace path parameters by existing IDs."""
    del context, kwargs
    turn = next(_counted)
    if turn % UNAUTHENTICATED_EVERY:
        case.headers["Authorization"] = CREDENTIALS
    if case.path_parameters and turn % UNCHANGED_EVERY:
        call_sid = os.environ["FUZZ_CALL"]
        there = {"AccountSid": ACCOUNT_SID, "CallSid": call_sid, "Sid": os.environ["FUZZ_CALLER_ID"]}
        if "/Notifications/" in case.path:
            there["Sid"] = f"NO{call_sid.removeprefix('CA')}"
        is_kept = case.method.upper() == "DELETE" or "/Calls/{Sid}" in case.path
        case.path_parameters = {
            name: value if is_kept and name == "Sid" else there[name] for name, value in case.path_parameters.items()
        }


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Append the method, path and status of a response to the file FUZZ_ANSWERS, which the test reads."""
    del context
    with Path(os.environ["FUZZ_ANSWERS"]).open("a", encoding="utf-8") as answers:
        answers.write(f"{case.method.upper()} {case.path} {response.status_code}\n")


@schemathesis.check
def twilio_shaped(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Check that an error has Twilio's four fields, and that other JSON matches Twilio's OpenAPI description."""
    del ctx
    content_type = next(iter(response.headers.get("content-type", ())), None)
    path = case.path.replace("{AccountSid}", ACCOUNT_SID).replace("{CallSid}", "CA1").replace("{Sid}", "PN1")
    check_answer(case.method.upper(), path, response.status_code, content_type, response.content)
    assert response.headers["twilio-request-id"]
    assert "server" not in response.headers
