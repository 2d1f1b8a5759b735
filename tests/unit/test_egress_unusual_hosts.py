"""The egress policy for host names that are not valid domain names."""

import asyncio

import pytest

from ringback.callback_delivery.egress import EgressPolicy, EgressRefused


@pytest.mark.parametrize("host", ["a..b", ".", "a" * 64 + ".invalid"])
def test_malformed_host_name_raises_an_os_error(host: str) -> None:
    with pytest.raises((OSError, EgressRefused)):
        asyncio.run(EgressPolicy().addresses(host, 80))


@pytest.mark.parametrize(
    "host", ["2852039166", "0xA9FEA9FE", "169.16689662", "0251.0376.0251.0376", "0xa9.254.0251.254", "169.254.169.254."]
)
def test_link_local_address_in_another_notation_is_refused(host: str) -> None:
    with pytest.raises((OSError, EgressRefused)):
        asyncio.run(EgressPolicy().addresses(host, 80))
