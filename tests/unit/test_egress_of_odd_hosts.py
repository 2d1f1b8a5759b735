"""Hosts that a URL can name and no resolver knows."""

import asyncio

import pytest

from ringback.callback_delivery.egress import EgressPolicy, EgressRefused


@pytest.mark.parametrize("host", ["a..b", ".", "a" * 64 + ".invalid"])
def test_a_host_that_can_be_no_name_is_an_error_of_the_network(host: str) -> None:
    with pytest.raises((OSError, EgressRefused)):
        asyncio.run(EgressPolicy().addresses(host, 80))


@pytest.mark.parametrize(
    "host", ["2852039166", "0xA9FEA9FE", "169.16689662", "0251.0376.0251.0376", "0xa9.254.0251.254", "169.254.169.254."]
)
def test_a_link_local_address_in_disguise_is_refused(host: str) -> None:
    with pytest.raises((OSError, EgressRefused)):
        asyncio.run(EgressPolicy().addresses(host, 80))
