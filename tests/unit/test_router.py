"""The Twilio API's routing table, and the check that it is complete."""

import re

import pytest

from ringback.domain.faults import FaultTarget
from ringback.domain.operations import Operation
from ringback.twilio_api.router import Router, check_routes
from ringback.twilio_api.routes import CALLER_ID_PATH, ROUTES

SID = "AC" + "a" * 32
LIST = f"/2010-04-01/Accounts/{SID}/OutgoingCallerIds"
ACCOUNTS = "/2010-04-01/Accounts"
NUMBERS = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers"
CALLS = f"/2010-04-01/Accounts/{SID}/Calls"


@pytest.mark.parametrize("operation", list(Operation))
def test_operation_without_a_route_is_reported_by_name(operation: Operation) -> None:
    routes = [route for route in ROUTES if route.operation != operation]

    with pytest.raises(RuntimeError, match=f"routes.py must have exactly one route for: {operation.value}$"):
        check_routes(routes)


def test_operation_with_two_routes_is_reported_with_its_method_and_path() -> None:
    with pytest.raises(RuntimeError, match=re.escape(f"fetch-outgoing-caller-id, GET {CALLER_ID_PATH}")):
        check_routes([*ROUTES, ROUTES[2]])


def test_method_with_two_operations_is_reported_by_name() -> None:
    moved = ROUTES[3]._replace(methods=("DELETE",))

    with pytest.raises(RuntimeError, match=re.escape(f"for: DELETE {CALLER_ID_PATH}")):
        check_routes([*ROUTES[:3], moved, *ROUTES[4:]])


def test_faults_have_every_operation_as_a_target() -> None:
    assert {target.value for target in FaultTarget} - {"status-callback", "*"} == {each.value for each in Operation}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", LIST),
        ("PATCH", LIST),
        ("OPTIONS", CALLS),
        ("GET", CALLS),
        ("GET", NUMBERS),
        ("DELETE", ACCOUNTS),
        ("POST", f"{ACCOUNTS}/{SID}"),
    ],
)
def test_router_matches_every_operation_and_every_method_of_a_fully_emulated_resource(method: str, path: str) -> None:
    assert Router(ROUTES).matches(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CALLS),
        ("GET", f"{LIST}\n"),
        ("GET", f"/2010-04-01/Accounts/{SID}/Messages"),
        ("POST", NUMBERS),
        ("POST", f"{NUMBERS}/PN{'0' * 32}"),
        ("DELETE", f"{NUMBERS}/PN{'0' * 32}"),
        ("GET", f"{NUMBERS}/Local"),
        ("GET", f"{NUMBERS}/PN{'0' * 32}/AssignedAddOns"),
    ],
)
def test_router_does_not_match_resources_that_are_not_emulated(method: str, path: str) -> None:
    assert not Router(ROUTES).matches(method, path)
