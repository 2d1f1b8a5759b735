"""Implementation of the pytest fixtures. The plugin imports it when a fixture is first used."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest

from ringback.testing.account import Account
from ringback.testing.connection import Connection, connect
from ringback.testing.errors import ControlError, ServerNotStarted
from ringback.testing.server import Server

URL_VARIABLE, TOKEN_VARIABLE = "RINGBACK_TEST_URL", "RINGBACK_TEST_CONTROL_TOKEN"


@contextmanager
def session_server(url: str | None, settings: Mapping[str, Any]) -> Iterator[Connection]:
    """Connect to the server at `url` or RINGBACK_TEST_URL; without a URL, start a server and stop it at the end."""
    url = url or os.environ.get(URL_VARIABLE)
    with _running(url) if url else _started(settings) as server:
        yield server


def _running(url: str) -> Connection:
    try:
        return connect(url, os.environ.get(TOKEN_VARIABLE))
    except ValueError as error:
        reason = str(error)
    pytest.fail(f"ringback: {reason}", pytrace=False)


def _started(settings: Mapping[str, Any]) -> Server:
    try:
        return Server(**settings)
    except ServerNotStarted as error:
        reason = str(error)
    pytest.fail(f"ringback: {reason}", pytrace=False)


@contextmanager
def temporary_account(server: Connection, test: str, fail: Callable[[str], None]) -> Iterator[Account]:
    """Create an account for a test, and delete it at the end. If the server has ended by then, call `fail`."""
    account = _new_account(server)
    yield account
    if reason := _deletion_failure(account, server):
        fail(f"ringback: {reason}; could not delete the account of {test}")


def _new_account(server: Connection) -> Account:
    try:
        return server.account()
    except ControlError as error:
        if error.status is not None:
            raise
    pytest.fail(f"ringback: {server.describe_failure()}", pytrace=False)


def _deletion_failure(account: Account, server: Connection) -> str:
    """Delete an account. If the server does not answer, return the reason, otherwise an empty string."""
    try:
        account.delete()
    except ControlError as error:
        if error.status not in (None, HTTPStatus.NOT_FOUND):
            raise
        was_stopped = isinstance(server, Server) and server.is_stopped
        return server.describe_failure() if error.status is None and not was_stopped else ""
    return ""
