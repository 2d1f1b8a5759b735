"""What the plugin's fixtures do, imported when one of them is used."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from ringback.testing.account import Account
from ringback.testing.connection import Connection, connect
from ringback.testing.errors import ControlError
from ringback.testing.server import Server

URL_VARIABLE, TOKEN_VARIABLE = "RINGBACK_TEST_URL", "RINGBACK_TEST_CONTROL_TOKEN"


@contextmanager
def session_server(url: str | None, settings: Mapping[str, Any]) -> Iterator[Connection]:
    """Give the server at `url`, or where the environment says, or else one that is started and stopped."""
    url = url or os.environ.get(URL_VARIABLE)
    with connect(url, os.environ.get(TOKEN_VARIABLE)) if url else Server(**settings) as server:
        yield server


@contextmanager
def account_of_a_test(server: Connection) -> Iterator[Account]:
    """Give a new account, and delete it unless the test did."""
    account = server.account()
    yield account
    try:
        account.delete()
    except ControlError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
