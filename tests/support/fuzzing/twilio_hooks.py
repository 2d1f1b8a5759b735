"""Hooks for schemathesis on the Twilio API, loaded by SCHEMATHESIS_HOOKS.

The environment names FUZZ_ANSWERS, the file to which goes a line for each answer: method, path in the description,
status; and FUZZ_CALLER_ID, the SID of a caller ID that is there.
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

STRANGER_EVERY, LEFT_ALONE_EVERY = 7, 5
"""One case in so many comes without credentials, and one keeps what the fuzzer made up for its path."""
CREDENTIALS = f"Basic {base64.b64encode(f'{ACCOUNT_SID}:{AUTH_TOKEN}'.encode()).decode()}"

_counted: Iterator[int] = itertools.count(1)


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Let most cases be the account's own, and be about something that is there."""
    del context, kwargs
    turn = next(_counted)
    if turn % STRANGER_EVERY:
        case.headers["Authorization"] = CREDENTIALS
    if case.path_parameters and turn % LEFT_ALONE_EVERY:
        there = {"AccountSid": ACCOUNT_SID, "Sid": os.environ["FUZZ_CALLER_ID"]}
        is_kept = case.method.upper() == "DELETE" or "/Calls/" in case.path
        case.path_parameters = {
            name: value if is_kept and name == "Sid" else there[name] for name, value in case.path_parameters.items()
        }


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Tell the test what was reached."""
    del context
    with Path(os.environ["FUZZ_ANSWERS"]).open("a", encoding="utf-8") as answers:
        answers.write(f"{case.method.upper()} {case.path} {response.status_code}\n")


@schemathesis.check
def twilio_shaped(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Every answer is Twilio's: an error its four fields in the right form, other JSON as its OpenAPI describes it."""
    del ctx
    content_type = next(iter(response.headers.get("content-type", ())), None)
    path = case.path.replace("{AccountSid}", ACCOUNT_SID).replace("{Sid}", "PN1")
    check_answer(case.method.upper(), path, response.status_code, content_type, response.content)
    assert response.headers["twilio-request-id"]
    assert "server" not in response.headers
