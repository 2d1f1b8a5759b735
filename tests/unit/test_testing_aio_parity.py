"""The synchronous and asynchronous classes of ringback.testing have the same methods and parameters."""

import inspect
from types import FunctionType
from typing import Any

import pytest

import ringback.testing.aio
from ringback.testing import account, calls, connection, requests, resource_requests, resources
from ringback.testing.aio import Account, Call, Clock, Connection, Faults, Inbox, IncomingPhoneNumbers, Phone, Policy

PAIRS: list[tuple[type, type, type]] = [
    (connection.Connection, Connection, requests.ServerRequests),
    (account.Account, Account, requests.AccountRequests),
    (calls.Call, Call, requests.CallRequests),
    (resources.Clock, Clock, resource_requests.ClockRequests),
    (resources.Faults, Faults, resource_requests.FaultRequests),
    (resources.Inbox, Inbox, resource_requests.InboxRequests),
    (resources.IncomingPhoneNumbers, IncomingPhoneNumbers, resource_requests.IncomingPhoneNumberRequests),
    (resources.Phone, Phone, resource_requests.PhoneRequests),
    (resources.Policy, Policy, resource_requests.PolicyRequests),
]
NO_REQUEST = {"describe_failure", "client", "inbox", "model_post_init", "of", "phone", "twilio_http_client"}
"""Members that send no request. In the asynchronous classes they are not coroutines."""
DESCRIBED_ELSEWHERE = NO_REQUEST | {"close", "now", "wait_for"}
"""Members that send no request, or several requests."""


def public(handle: type) -> dict[str, Any]:
    members = {name: getattr(handle, name) for name in vars(handle) if not name.startswith("_")}
    return {name: member for name, member in members.items() if callable(member) or isinstance(member, property)}


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in found]


def annotations(function: Any) -> dict[str, str]:
    described = inspect.get_annotations(function)
    texts = {name: one.__name__ if type(one) is type else str(one) for name, one in described.items()}
    return {name: text.replace(".aio", "").replace("Async", "") for name, text in texts.items()}


def handles(synchronous: type, asynchronous: type) -> list[str]:
    return [name for name in public(synchronous) if isinstance(public(asynchronous).get(name), FunctionType)]


@pytest.mark.parametrize(("synchronous", "asynchronous", "_"), PAIRS, ids=lambda one: one.__name__)
def test_synchronous_and_asynchronous_handles_have_the_same_members(
    synchronous: type, asynchronous: type, _: type
) -> None:
    assert sorted(public(asynchronous)) == sorted(public(synchronous))


@pytest.mark.parametrize(("synchronous", "asynchronous", "_"), PAIRS, ids=lambda one: one.__name__)
def test_synchronous_and_asynchronous_methods_have_the_same_parameters(
    synchronous: type, asynchronous: type, _: type
) -> None:
    names = [name for name in handles(synchronous, asynchronous) if name != "now"]
    differing = [
        name
        for name in names
        if parameters(public(synchronous)[name]) != parameters(public(asynchronous)[name])
        or annotations(public(synchronous)[name]) != annotations(public(asynchronous)[name])
    ]

    assert names
    assert [name for name in differing if name != "twilio_http_client"] == []


@pytest.mark.parametrize(("synchronous", "asynchronous", "_"), PAIRS, ids=lambda one: one.__name__)
def test_methods_that_send_requests_are_coroutines(synchronous: type, asynchronous: type, _: type) -> None:
    coroutines = {name for name, member in public(asynchronous).items() if inspect.iscoroutinefunction(member)}

    assert coroutines == set(public(synchronous)) - NO_REQUEST
    assert not any(map(inspect.iscoroutinefunction, public(synchronous).values()))


@pytest.mark.parametrize(("synchronous", "_", "described"), PAIRS, ids=lambda one: one.__name__)
def test_methods_have_the_parameters_of_their_request(synchronous: type, _: type, described: type) -> None:
    requests_by_name = public(described)
    names = set(public(synchronous)) - DESCRIBED_ELSEWHERE

    assert set(requests_by_name) == names
    assert [name for name in names if parameters(requests_by_name[name]) != parameters(public(synchronous)[name])] == []


def test_module_exports_every_asynchronous_handle() -> None:
    assert set(ringback.testing.aio.__all__) == {handle.__name__ for _, handle, _ in PAIRS} | {"attach", "connect"}
