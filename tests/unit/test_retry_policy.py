"""Timeouts and retries of StatusCallbacks, and the overrides in a URL's fragment."""

import pytest

from ringback.domain.retry_policy import DeliveryPolicy, Failure, delivery_policy

DEFAULT = DeliveryPolicy()


def test_failed_connection_is_the_only_failure_retried_by_default() -> None:
    assert [failure for failure in Failure if DEFAULT.retries_after(failure, 1)] == [Failure.CONNECT]
    assert not DEFAULT.retries_after(Failure.CONNECT, 2)


def test_default_timeouts_are_fifteen_seconds_in_total_and_five_to_connect() -> None:
    assert (DEFAULT.connect_timeout_ms, DEFAULT.read_timeout_ms, DEFAULT.total_timeout_ms) == (5_000, 15_000, 15_000)


def test_url_fragment_overrides_each_value_of_the_retry_policy() -> None:
    policy = delivery_policy("rc=2&rp=5xx,rt&ct=200&rt=300&tt=8000", DEFAULT)

    assert policy == DeliveryPolicy(200, 300, 8_000, 2, frozenset({"5xx", "rt"}))


@pytest.mark.parametrize(
    "fragment", ["", "anchor", "rc", "rc=", "rc=two", "rc=-1", "rc=1.5", "rp=", "rp=nonsense", "RC=3", "="]
)
def test_invalid_connection_overrides_are_ignored(fragment: str) -> None:
    assert delivery_policy(fragment, DEFAULT) == DEFAULT


@pytest.mark.parametrize(("text", "retries"), [("0", 0), ("1", 1), ("5", 5), ("6", 5), ("999999999", 5)])
def test_number_of_retries_is_clamped(text: str, retries: int) -> None:
    assert delivery_policy(f"rc={text}", DEFAULT).retries == retries


@pytest.mark.parametrize(
    ("fragment", "connect", "read", "total"),
    [
        ("ct=1&rt=1&tt=1", 100, 100, 100),
        ("ct=99999&rt=99999&tt=99999", 10_000, 15_000, 15_000),
        ("ct=2500", 2_500, 15_000, 15_000),
    ],
)
def test_callback_timeouts_are_clamped(fragment: str, connect: int, read: int, total: int) -> None:
    policy = delivery_policy(fragment, DEFAULT)

    assert (policy.connect_timeout_ms, policy.read_timeout_ms, policy.total_timeout_ms) == (connect, read, total)


@pytest.mark.parametrize(
    ("rp", "failures"),
    [
        ("4xx", {Failure.CLIENT_ERROR}),
        ("5xx", {Failure.SERVER_ERROR}),
        ("ct", {Failure.CONNECT}),
        ("rt", {Failure.READ}),
        ("4xx,5xx", {Failure.CLIENT_ERROR, Failure.SERVER_ERROR}),
        ("5XX,nonsense", {Failure.SERVER_ERROR}),
        ("other", {Failure.CONNECT}),
        ("all", set(Failure)),
    ],
)
def test_retry_policy_lists_the_failures_to_retry(rp: str, failures: set[Failure]) -> None:
    policy = delivery_policy(f"rp={rp}", DEFAULT)

    assert {failure for failure in Failure if policy.retries_after(failure, 1)} == failures


def test_zero_retries_disable_retries() -> None:
    assert not delivery_policy("rc=0&rp=all", DEFAULT).retries_after(Failure.CONNECT, 1)
