"""The list of refused requests: its order, limits and deletion."""

from ringback.operations.refused_requests import KEPT_REFUSALS, RefusedRequest, RefusedRequests
from support.domain_values import T0


def add(refusals: RefusedRequests, path: str) -> None:
    refusals.add(host="api.twilio.com", method="POST", path=path, message="why")


def test_refused_requests_are_newest_first() -> None:
    refusals = RefusedRequests(lambda: T0)
    for path in ("/a", "/b", "/c"):
        add(refusals, path)

    newest = refusals.newest(2)

    assert newest == [
        RefusedRequest(3, T0, "api.twilio.com", "POST", "/c", "why"),
        RefusedRequest(2, T0, "api.twilio.com", "POST", "/b", "why"),
    ]
    assert [refused.path for refused in refusals.newest(9, after=1)] == ["/c", "/b"]


def test_refused_requests_are_bounded_and_can_be_cleared() -> None:
    refusals = RefusedRequests(lambda: T0)
    for _ in range(KEPT_REFUSALS + 5):
        add(refusals, "/" + "x" * 5_000)

    kept = refusals.newest(2 * KEPT_REFUSALS)
    refusals.clear()
    add(refusals, "/again")

    assert len(kept) == KEPT_REFUSALS
    assert {len(refused.path) for refused in kept} == {1_000}
    assert [refused.id for refused in refusals.newest(9)] == [KEPT_REFUSALS + 6]
