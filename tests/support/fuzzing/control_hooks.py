"""Hooks for schemathesis on the control API, loaded by SCHEMATHESIS_HOOKS: they put existing IDs into paths.

The environment variable CONTROL_URL has the server's URL, CONTROL_TOKEN its token if it requires one, and FUZZ_ANSWERS
the file to which a line is written for each response: method, path in the OpenAPI description, status.
"""

import itertools
import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData

from support.fuzzing.world import World, new_world
from support.waiting import PATIENCE_SECONDS

UNCHANGED_EVERY = 8
"""One in UNCHANGED_EVERY cases keeps the generated path parameters."""
SHORT_WAIT, LONGEST_WAIT = 0.02, 300.0
INEXPRESSIBLE_ERRORS = (
    "number:",
    "phone_number:",
    "now: must be between the years",
    "date_created: must be between the years",
    "friendly_name: it contains a character that is not valid in XML",
    "owner_email:",
    "parent_sid: AC",
    "seconds: a clock cannot be advanced",
    "effect:",
    "effect.message:",
    "effect.status: a status below 400 needs a body",
    "times, probability: give one of them",
    "section: ",
    "the snapshot cannot be restored",
)
"""Prefixes of error messages about values whose validity JSON Schema cannot express."""

_counted: Iterator[int] = itertools.count()
_headers = {"Authorization": f"Bearer {os.environ['CONTROL_TOKEN']}"} if "CONTROL_TOKEN" in os.environ else {}
_http = httpx.Client(base_url=os.environ["CONTROL_URL"], headers=_headers, timeout=PATIENCE_SECONDS, trust_env=False)
_worlds: list[World] = []


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Replace path parameters by existing IDs, and shorten waits."""
    del context, kwargs
    turn = next(_counted)
    if case.path_parameters and not _has_an_invalid_path(case) and turn % UNCHANGED_EVERY:
        world = _world()
        world.prepare(case.path)
        case.path_parameters = {name: world.values[name] for name in case.path_parameters}
    if case.path.endswith("/events"):
        case.query = _with_short_wait(case.query)
    if (case.method, case.path) == ("PUT", "/snapshot") and _is_positive(case) and turn % 2:
        case.body = _http.get("/snapshot").json()


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Append the method, path and status of a response to the file FUZZ_ANSWERS, which the test reads."""
    del context
    with Path(os.environ["FUZZ_ANSWERS"]).open("a", encoding="utf-8") as answers:
        answers.write(f"{case.method.upper()} {case.path} {response.status_code}\n")


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Ignore failures caused by values whose validity JSON Schema cannot express."""
    del context, case
    is_refused = isinstance(failure, RejectedPositiveData) and response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    return not (
        is_refused and all(one.startswith(INEXPRESSIBLE_ERRORS) for one in response.json()["error"].split("; "))
    )


def _world() -> World:
    if not _worlds or not _worlds[0].is_whole():
        if _worlds:
            _http.delete(f"/accounts/{_worlds[0].account_sid}")
        _worlds[:] = [new_world(_http)]
    return _worlds[0]


def _is_positive(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def _has_an_invalid_path(case: Case[Any]) -> bool:
    return case.meta is not None and any(
        location.name == "PATH" and component.mode.is_negative for location, component in case.meta.components.items()
    )


def _with_short_wait(query: dict[str, Any]) -> dict[str, Any]:
    """Return a query with a short wait_seconds in place of a longer valid one."""
    given = query.get("wait_seconds", LONGEST_WAIT)
    hurried = [_shortened_wait(one) for one in given] if isinstance(given, list) else _shortened_wait(given)
    return {**query, "wait_seconds": hurried}


def _shortened_wait(given: Any) -> Any:
    try:
        return SHORT_WAIT if SHORT_WAIT < float(given) <= LONGEST_WAIT else given
    except (TypeError, ValueError):
        return given
