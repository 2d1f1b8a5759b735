"""The maximum size of a request head: request line and headers. Rules: docs/fidelity.md, errors."""

import pytest

from support.wire.api import Api
from support.wire.sockets import RawAnswer, RawConnection

MAX_HEAD_BYTES = 65_536
ROOM = 60_000


def assert_refused(answer: RawAnswer) -> None:
    assert (answer.status, answer.error.code) == (400, 20400)
    assert answer.error.message == "Bad Request: request line and header fields are larger than 65536 bytes"
    assert answer.header("connection") == "close"


def test_request_head_of_nearly_64_kibibytes_is_accepted(api: Api) -> None:
    with RawConnection(api) as connection:
        long_field = connection.ask("GET", f"{api.path}.json?PageSize=1", X_Padding="x" * ROOM)
        long_url = connection.ask("GET", f"{api.path}.json?PageSize=1&Padding={'x' * ROOM}")

    assert (long_field.status, long_url.status) == (200, 200)


@pytest.mark.parametrize("size", [MAX_HEAD_BYTES, 10 * MAX_HEAD_BYTES])
def test_request_head_above_the_size_limit_is_refused_and_closes_the_connection(api: Api, size: int) -> None:
    for target, padding in ((f"{api.path}.json", "x" * size), (f"{api.path}.json?a={'x' * size}", "")):
        with RawConnection(api) as connection:
            connection.send(connection.request_bytes("GET", target, X_Padding=padding))

            assert_refused(connection.read_answer())
            assert connection.is_closed()


@pytest.mark.parametrize("begin", ["GET /", "GET / HTTP/1.1\r\nX-Padding: ", "GET / HTTP/1.1\r\nX-Padding"])
def test_endless_request_head_is_refused(api: Api, begin: str) -> None:
    with RawConnection(api) as connection:
        connection.send(begin.encode())
        for _ in range(100):
            connection.send(b"x" * 1000)

        assert_refused(connection.read_answer())
        assert connection.is_closed()
