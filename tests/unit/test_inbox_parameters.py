"""The parameters that an inbox stores for a request."""

from ringback.domain.inbox import KEPT_PARAMETERS, received_parameters
from ringback.domain.signature_check import ReceivedRequest


def parameters_of(query: bytes) -> tuple[tuple[str, str], ...]:
    return received_parameters(ReceivedRequest("GET", "http", b"/inbox?" + query, (), b""))


def test_parameters_beyond_the_limit_are_dropped() -> None:
    query = b"&".join(b"p%d=v" % number for number in range(KEPT_PARAMETERS + 5))

    assert parameters_of(query) == tuple((f"p{number}", "v") for number in range(KEPT_PARAMETERS))


def test_empty_parts_of_a_query_are_not_parameters() -> None:
    query = b"&&" + b"&&".join(b"p%d" % number for number in range(KEPT_PARAMETERS + 5)) + b"&"

    assert parameters_of(query) == tuple((f"p{number}", "") for number in range(KEPT_PARAMETERS))
