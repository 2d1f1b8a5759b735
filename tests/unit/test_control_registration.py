"""Registration of control API routes in the application, the clients of ringback.testing, and the docs."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.routing import Match, Route

import ringback.control_api
from ringback.control_api import (
    callbacks,
    caller_ids,
    clocks,
    events,
    faults,
    inbox,
    incoming_phone_numbers,
    keys,
    oauth_apps,
    phones,
    policies,
    schemas,
)
from ringback.control_api import calls as control_calls
from ringback.control_api import requests as control_requests
from ringback.control_api.application import ROUTERS
from ringback.domain.events import EventType
from ringback.domain.faults import FaultTarget
from ringback.domain.phones import PhoneBehavior
from ringback.testing import account, calls, connection, models, requests, resource_requests, resources
from ringback.testing import aio as asynchronous

ROOT = Path(__file__).resolve().parents[2]
CLASSES: dict[str, tuple[type, type]] = {
    "ServerRequests": (connection.Connection, asynchronous.Connection),
    "AccountRequests": (account.Account, asynchronous.Account),
    "CallRequests": (calls.Call, asynchronous.Call),
    "ClockRequests": (resources.Clock, asynchronous.Clock),
    "FaultRequests": (resources.Faults, asynchronous.Faults),
    "InboxRequests": (resources.Inbox, asynchronous.Inbox),
    "IncomingPhoneNumberRequests": (resources.IncomingPhoneNumbers, asynchronous.IncomingPhoneNumbers),
    "PhoneRequests": (resources.Phone, asynchronous.Phone),
    "PolicyRequests": (resources.Policy, asynchronous.Policy),
}
"""For each class of requests in ringback.testing, the synchronous and the asynchronous class that send them."""
WITHOUT_CLIENT_METHOD = {
    "/accounts/{account_sid}/caller-ids GET": "tests list caller IDs with Twilio's client",
    "/accounts/{account_sid}/caller-ids/{sid} DELETE": "tests delete caller IDs with Twilio's client",
    "/accounts/{account_sid}/events/stream GET": "wait_for uses the long poll",
    "/accounts/{account_sid}/inbox/{name} GET": "the sender of callbacks uses it",
    "/accounts/{account_sid}/inbox/{name} POST": "the sender of callbacks uses it",
    "/accounts/{account_sid}/phones GET": "a test knows the phones that it sets",
    "/accounts/{account_sid}/phones/{number}/script GET": "Phone.read returns the script",
    "/accounts/{account_sid}/webhook-signing GET": "a test knows the key that it sets",
    "/fidelity GET": "the facts are for people and tools, not for tests",
    "/refused GET": "refused requests belong to no account",
    "/ringing-phones GET": "only the phone page shows other accounts",
}
"""Routes for which ringback.testing has no method, each with the reason."""
MODELS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (keys.ApiKeyResponse, models.ApiKey),
    (callbacks.CallbackAttemptResponse, models.CallbackAttempt),
    (callbacks.CallbackHopResponse, models.CallbackHop),
    (callbacks.ReceiverResponse, models.ReceiverResponse),
    (caller_ids.CallerIdResponse, models.CallerId),
    (incoming_phone_numbers.IncomingPhoneNumberResponse, models.IncomingPhoneNumber),
    (clocks.ClockResponse, models.ClockState),
    (control_calls.CallPhoneResponse, models.PhoneSetting),
    (control_calls.CallResponse, models.CallData),
    (control_calls.CallbackSummaryResponse, models.CallbackSummary),
    (control_calls.TimelineEntryResponse, models.TimelineEntry),
    (control_requests.JournaledRequestResponse, models.JournaledRequest),
    (events.EventResponse, models.Event),
    (faults.FaultResponse, models.Fault),
    (inbox.InboxMessageResponse, models.InboxMessage),
    (inbox.InboxResponse, models.InboxSummary),
    (oauth_apps.OAuthAppResponse, models.OAuthApp),
    (phones.PhoneResponse, models.PhoneState),
    (phones.ScriptEntryResponse, models.PhoneSetting),
    (policies.PolicyResponse, models.EffectivePolicy),
    (schemas.SignatureResponse, models.SignatureVerdict),
]
"""The responses of the control API, and the models of ringback.testing that parse them."""
VALUES = {
    "account_sid": "AC1",
    "client_id": "OQ1",
    "call_sid": "CA1",
    "number": "+14158675309",
    "name": "inbox",
    "fault_id": 1,
}


def control_modules() -> Iterator[Any]:
    for module in pkgutil.iter_modules(ringback.control_api.__path__, "ringback.control_api."):
        yield importlib.import_module(module.name)


def routes() -> list[Route]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]


def operations() -> list[str]:
    """Return the routes in the OpenAPI description, each as its path and method."""
    return [
        f"{route.path} {method}"
        for route in routes()
        if route.include_in_schema
        for method in route.methods or ()
        if method != "HEAD"
    ]


def request_classes() -> dict[str, type]:
    """Return the classes of ringback.testing that describe requests."""
    return {
        name: value
        for module in (requests, resource_requests)
        for name, value in vars(module).items()
        if inspect.isclass(value) and name.endswith("Requests")
    }


def argument(name: str, parameter: inspect.Parameter) -> Any:
    if name == "effect":
        return {"status": 429}
    return VALUES.get(name, 1.0 if "float" in str(parameter.annotation) else "text")


def call_with_values(function: Any) -> Any:
    parameters = inspect.signature(function).parameters
    required = {name: one for name, one in parameters.items() if one.default is one.empty}
    named = {name: argument(name, one) for name, one in required.items() if one.kind is not one.VAR_POSITIONAL}
    return function(**named)


def described_requests() -> Iterator[requests.Request[Any]]:
    for kind in request_classes().values():
        described = call_with_values(kind)
        for name, method in inspect.getmembers(described, inspect.ismethod):
            if not name.startswith("_"):
                yield call_with_values(method)


def operation_of(request: requests.Request[Any]) -> str | None:
    scope = {"type": "http", "method": request.method, "path": request.path, "headers": []}
    found = (route for route in routes() if route.matches(scope)[0] is Match.FULL)
    return next((f"{route.path} {request.method}" for route in found), None)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def code_spans(text: str) -> str:
    """Return the code spans of a Markdown text, without its code blocks."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return " ".join(re.findall(r"`([^`\n]+)`", prose))


def test_control_api_routers_are_in_the_application() -> None:
    missing = [
        f"{module.__name__}.{name}: add it to ROUTERS in src/ringback/control_api/application.py"
        for module in control_modules()
        for name, router in vars(module).items()
        if isinstance(router, APIRouter) and not any(router is registered for registered in ROUTERS)
    ]

    assert not missing, "\n".join(missing)


def test_control_api_operations_have_methods_in_the_test_clients() -> None:
    sent = {operation_of(request) for request in described_requests()}
    missing = [
        f"{operation}: describe its request in src/ringback/testing/requests.py or resource_requests.py, and send it "
        f"from the synchronous and the async class, or add it to WITHOUT_CLIENT_METHOD with a reason"
        for operation in operations()
        if operation not in sent and operation not in WITHOUT_CLIENT_METHOD
    ]

    assert not missing, "\n".join(missing)
    assert set(WITHOUT_CLIENT_METHOD) == set(operations()) - sent


def test_test_client_requests_have_routes() -> None:
    assert [str(request) for request in described_requests() if operation_of(request) is None] == []


def test_request_classes_have_a_synchronous_and_an_async_client() -> None:
    missing = [f"{name}: add its two classes to CLASSES" for name in request_classes() if name not in CLASSES]

    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("name", CLASSES)
def test_requests_are_sent_by_the_synchronous_and_the_async_client(name: str) -> None:
    methods = {method for method in vars(request_classes()[name]) if not method.startswith("_")} - {"path"}
    missing = [
        f"{method}: add it to {handle.__module__}.{handle.__qualname__}"
        for method in sorted(methods)
        for handle in CLASSES[name]
        if method not in vars(handle)
    ]

    assert methods
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("name", CLASSES)
def test_test_client_methods_are_documented(name: str) -> None:
    documented = code_spans(read("docs/testing.md"))
    methods = [method for method in vars(request_classes()[name]) if not method.startswith("_")]
    missing = [
        f"{method} of {CLASSES[name][0].__name__}: describe it in docs/testing.md"
        for method in methods
        if not re.search(rf"\b{method}\(", documented) and not re.search(rf"(^|[ ,]){method}($|[ ,])", documented)
    ]

    assert not missing, "\n".join(missing)


def test_control_api_paths_are_documented() -> None:
    documented = set(re.findall(r"[\w-]+", code_spans(read("docs/control-api.md"))))
    last_segments = {route.path: re.findall(r"/([\w-]+)", route.path)[-1] for route in routes()}
    missing = [
        f"{path}: add it to a table in docs/control-api.md"
        for path, segment in last_segments.items()
        if segment not in documented
    ]

    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(("response", "model"), MODELS, ids=lambda model: model.__name__)
def test_response_fields_are_in_the_models_of_the_test_clients(
    response: type[BaseModel], model: type[BaseModel]
) -> None:
    fields = {field.alias or name for name, field in model.model_fields.items()}
    missing = [
        f"{name} of {response.__name__}: add it to {model.__name__} in src/ringback/testing/models.py"
        for name in response.model_fields
        if name not in fields
    ]

    assert not missing, "\n".join(missing)
    assert fields - set(response.model_fields) == set()


@pytest.mark.parametrize("behavior", PhoneBehavior)
def test_behaviors_are_in_the_test_clients_the_page_and_the_documentation(behavior: PhoneBehavior) -> None:
    places = {
        "Behavior in src/ringback/testing/models.py": str(get_args(models.Behavior)),
        "BEHAVIORS in src/ringback/phone_page/static/labels.js": read("src/ringback/phone_page/static/labels.js"),
        "docs/testing.md": read("docs/testing.md"),
        "docs/calls.md": read("docs/calls.md"),
    }
    missing = [
        f"{behavior}: add it to {place}"
        for place, text in places.items()
        if not re.search(rf"(?<![\w-]){behavior}(?![\w-])", text)
    ]

    assert not missing, "\n".join(missing)


def test_event_types_are_documented() -> None:
    documented = code_spans(read("docs/testing.md")).split()
    missing = [f"{event}: add it to Events in docs/testing.md" for event in EventType if event not in documented]

    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("page", ["docs/faults.md", "docs/testing.md"])
def test_fault_targets_are_documented(page: str) -> None:
    documented = re.split(r"[\s,]+", code_spans(read(page)))
    missing = [f"{target}: add it to {page}" for target in FaultTarget if target not in documented]

    assert not missing, "\n".join(missing)


def test_test_client_models_parse_the_responses() -> None:
    listed = {model for _, model in MODELS} | {models.Model}
    missing = [
        f"{name}: add it with its response to MODELS"
        for name, value in vars(models).items()
        if inspect.isclass(value) and issubclass(value, models.Model) and value not in listed
    ]

    assert not missing, "\n".join(missing)
