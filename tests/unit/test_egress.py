"""The egress policy: addresses to which StatusCallbacks may be sent."""

import asyncio
import socket
from ipaddress import IPv4Address
from typing import Any

import pytest

from ringback.callback_delivery.egress import EgressPolicy, EgressRefused
from ringback.domain.urls import parse_url

UNSPECIFIED = str(IPv4Address(0))
NAMES = {
    "app.test": ["10.1.2.3"],
    "app.test.": ["10.1.2.3"],
    "c.example.test.": ["10.1.2.3"],
    "both.test": ["2001:db8::1", "10.1.2.3", "10.1.2.3"],
    "a.example.test": ["10.1.2.3"],
    "b.a.example.test": ["10.1.2.3"],
    "example.test": ["10.1.2.3"],
    "badexample.test": ["10.1.2.3"],
    "metadata.test": ["169.254.169.254"],
    "ipv6-metadata.test": ["fd00:ec2::254", "64:ff9b::a9fe:a9fe"],
    "mixed.test": ["169.254.169.254", "10.1.2.3"],
    "scoped.test": ["fe80::1%eth0"],
    "mapped.test": ["10.9.9.9"],
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve only the names in NAMES."""

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host.lower() not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in NAMES[host.lower()]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def addresses(host: str, *allowed: str, **host_map: str) -> list[str]:
    return asyncio.run(EgressPolicy.of(allowed, host_map).addresses(host, 80))


def test_every_host_is_allowed_by_default() -> None:
    assert addresses("app.test") == ["10.1.2.3"]
    assert addresses("127.0.0.1") == ["127.0.0.1"]
    assert addresses("::1") == ["::1"]
    assert addresses(UNSPECIFIED) == [UNSPECIFIED]  # development servers print this address
    assert addresses("64:ff9b::10.1.2.3") == ["64:ff9b::a01:203"]
    assert addresses("2002:a01:203::1") == ["2002:a01:203::1"]


def test_addresses_of_a_name_are_unique_and_in_order() -> None:
    assert addresses("both.test") == ["2001:db8::1", "10.1.2.3"]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("app.test", "app.test"),
        ("App.TEST", "aPP.test"),
        ("app.test.", "app.test"),
        ("app.test", "app.test."),
        ("c.example.test.", "*.example.test"),
        ("a.example.test", "*.example.test"),
        ("b.a.example.test", "*.example.test"),
        ("app.test", "10.0.0.0/8"),
        ("app.test", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.0/24"),
        ("10.1.2.3", "10.1.2.99/24"),
        ("::1", "::1"),
        ("2001:db8::7", "2001:db8::/32"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
    ],
)
def test_host_is_allowed_by_name_pattern_or_network(host: str, allowed: str) -> None:
    assert addresses(host, "unrelated.test", allowed)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("app.test", "other.test"),
        ("example.test", "*.example.test"),
        ("badexample.test", "*.example.test"),
        ("a.example.test", "example.test"),
        ("app.test", "10.1.2.4"),
        ("app.test", "192.168.0.0/16"),
        ("::1", "127.0.0.0/8"),
        (UNSPECIFIED, "127.0.0.0/8"),
        (UNSPECIFIED, "app.test"),
        ("::", "::1"),
        ("::ffff:0.0.0.0", "127.0.0.0/8"),
        ("127.0.0.1", "::/0"),
        ("::ffff:10.1.2.3", "192.168.0.0/16"),
    ],
)
def test_host_that_is_not_allowed_is_refused(host: str, allowed: str) -> None:
    with pytest.raises(EgressRefused, match=host):
        addresses(host, allowed)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "febf::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
        "2001:0:808:808::5601:5601",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "ipv6-metadata.test",
        "metadata.test",
        "scoped.test",
    ],
)
@pytest.mark.parametrize(
    "allowed", [(), ("metadata.test", "ipv6-metadata.test", "scoped.test", "*.test"), ("10.0.0.0/8",)]
)
def test_link_local_addresses_are_refused_even_under_an_allowed_name(host: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(EgressRefused, match="not allowed"):
        addresses(host, *allowed)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("169.254.169.254", "169.254.0.0/16"),
        ("metadata.test", "169.254.169.254"),
        ("::ffff:169.254.169.254", "169.254.0.0/16"),
        ("fe80::1", "fe80::/10"),
        ("scoped.test", "fe80::/10"),
        ("fd00:ec2::254", "fd00:ec2::/64"),
        ("64:ff9b::169.254.169.254", "64:ff9b::/96"),
    ],
)
def test_link_local_addresses_are_allowed_by_a_network(host: str, network: str) -> None:
    assert addresses(host, network)


def test_only_allowed_addresses_of_a_name_are_returned() -> None:
    assert addresses("mixed.test") == ["10.1.2.3"]
    assert addresses("both.test", "2001:db8::/32") == ["2001:db8::1"]


def test_mapped_host_has_the_addresses_of_its_target() -> None:
    assert addresses("app.test", **{"APP.test": "mapped.test"}) == ["10.9.9.9"]
    assert addresses("app.test", **{"app.test": "127.0.0.1"}) == ["127.0.0.1"]
    assert addresses("app.test", **{"other.test": "127.0.0.1"}) == ["10.1.2.3"]


def test_mapped_host_is_allowed_by_its_name_or_its_actual_address() -> None:
    assert addresses("app.test", "app.test", **{"app.test": "mapped.test"}) == ["10.9.9.9"]
    assert addresses("app.test", "10.9.0.0/16", **{"app.test": "mapped.test"}) == ["10.9.9.9"]
    with pytest.raises(EgressRefused):
        addresses("app.test", "mapped.test", **{"app.test": "mapped.test"})


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        ("https://app.test/x", ("https", "app.test", 443, None, False)),
        ("https://A.test:8443/", ("https", "mapped.test", 8443, "mapped.test:8443", False)),
        ("http://six.test/", ("http", "::1", 80, "[::1]:80", False)),
        ("https://proxied.test/", ("http", "127.0.0.1", 8000, "http://127.0.0.1:8000", True)),
        ("http://Proxied.test:81/", ("http", "127.0.0.1", 8000, "http://127.0.0.1:8000", True)),
        ("http://proxied.test./", ("http", "127.0.0.1", 8000, "http://127.0.0.1:8000", True)),
        ("https://dotted.test/", ("https", "mapped.test", 443, "mapped.test:443", False)),
        ("https://proxied6.test/", ("http", "::1", 8000, "http://[::1]:8000", True)),
    ],
)
def test_destination_of_a_url_follows_the_host_map(url: str, destination: tuple[Any, ...]) -> None:
    host_map = {
        "a.test": "mapped.test",
        "dotted.test.": "mapped.test",
        "six.test": "::1",
        "proxied.test": "http://127.0.0.1:8000",
        "proxied6.test": "http://[::1]:8000",
    }

    assert EgressPolicy.of([], host_map).destination(parse_url(url)) == destination


def test_mapped_name_with_a_trailing_dot_has_the_address_of_its_target() -> None:
    assert addresses("app.test.", **{"app.test": "10.1.2.9"}) == ["10.1.2.9"]


def test_host_mapped_to_the_url_of_a_metadata_service_is_refused() -> None:
    policy = EgressPolicy.of([], {"app.test": "http://169.254.169.254:80"})

    with pytest.raises(EgressRefused):
        asyncio.run(policy.addresses("app.test", 80))


def test_host_mapped_to_a_link_local_address_is_refused() -> None:
    with pytest.raises(EgressRefused):
        addresses("app.test", **{"app.test": "169.254.169.254"})


def test_unknown_name_raises_an_os_error() -> None:
    with pytest.raises(OSError, match="Name or service not known"):
        addresses("nowhere.test")
