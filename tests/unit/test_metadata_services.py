"""Cloud metadata services: their addresses are recognized in every notation."""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from ringback.callback_delivery.egress import EgressPolicy, EgressRefused
from ringback.callback_delivery.metadata_services import METADATA_SERVICES, embedded_addresses, is_metadata_service

IPV4 = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.42.42",
    "169.254.0.23",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
]
IPV6 = [
    "fe80::a9fe:a9fe",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:100::100:200",
    "fd00:42::42",
    "fd00:a9fe:a9fe::1",
]


def embeddings(ipv4: str) -> dict[str, str]:
    """Return the IPv6 addresses that embed an IPv4 address."""
    number = int(IPv4Address(ipv4))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    first, last = f"{number >> 24:02x}", f"{number & 0xFF:02x}"
    middle = f"{(number >> 8) & 0xFFFF:04x}"
    inverted = number ^ 0xFFFF_FFFF
    return {
        "mapped": f"::ffff:{ipv4}",
        "compatible": f"::{ipv4}",
        "translated": f"::ffff:0:{ipv4}",
        "NAT64": f"64:ff9b::{ipv4}",
        "local NAT64, 96": f"64:ff9b:1:7::{high}:{low}",
        "local NAT64, 64": f"64:ff9b:1:7:{number >> 24:x}:{middle}:{last}00:0",
        "local NAT64, 56": f"64:ff9b:1:7{first}:{(number >> 16) & 0xFF:x}:{low}:0:0",
        "local NAT64, 48": f"64:ff9b:1:{high}:{(number >> 8) & 0xFF:x}:{last}00:0:0",
        "6to4": f"2002:{high}:{low}::1",
        "Teredo server": f"2001:0:{high}:{low}::1",
        "Teredo client": f"2001:0:808:808::{inverted >> 16:x}:{inverted & 0xFFFF:x}",
        "ISATAP": f"2001:db8::5efe:{high}:{low}",
        "ISATAP, global": f"2001:db8::200:5efe:{high}:{low}",
    }


def test_every_network_in_the_table_has_a_test_address() -> None:
    addresses = [ip_address(text) for text in IPV4 + IPV6]

    missing = [
        network
        for network in METADATA_SERVICES
        if not any(address.version == network.version and address in network for address in addresses)
    ]
    assert missing == []


@pytest.mark.parametrize("address", IPV4 + IPV6)
def test_metadata_service_is_refused(address: str) -> None:
    with pytest.raises(EgressRefused, match="not allowed"):
        asyncio.run(EgressPolicy().addresses(address, 80))


@pytest.mark.parametrize("address", IPV4 + IPV6)
def test_metadata_service_is_refused_even_if_its_name_is_allowed(address: str) -> None:
    policy = EgressPolicy.of(["app.test"], {"app.test": address})

    with pytest.raises(EgressRefused, match="not allowed"):
        asyncio.run(policy.addresses("app.test", 80))


@pytest.mark.parametrize("address", IPV4 + IPV6)
def test_metadata_service_is_allowed_by_its_address(address: str) -> None:
    assert asyncio.run(EgressPolicy.of([address], {}).addresses(address, 80)) == [address]


@pytest.mark.parametrize("kind", list(embeddings("10.1.2.3")))
@pytest.mark.parametrize("address", IPV4)
def test_metadata_service_is_refused_when_embedded_in_ipv6(address: str, kind: str) -> None:
    embedded = embeddings(address)[kind]

    with pytest.raises(EgressRefused, match="not allowed"):
        asyncio.run(EgressPolicy().addresses(embedded, 80))


@pytest.mark.parametrize("kind", list(embeddings("10.1.2.3")))
def test_embedded_address_is_extracted_from_ipv6(kind: str) -> None:
    embedded = IPv6Address(embeddings("10.171.205.239")[kind])

    assert IPv4Address("10.171.205.239") in list(embedded_addresses(embedded))


@pytest.mark.parametrize("kind", list(embeddings("10.1.2.3")))
def test_embedded_address_of_another_host_is_allowed(kind: str) -> None:
    assert asyncio.run(EgressPolicy().addresses(embeddings("10.1.2.3")[kind], 80))


@pytest.mark.parametrize(
    "address", ["168.63.129.17", "192.0.0.191", "100.100.100.201", "fd00:ec2::53", "fd00:42::43", "2001:db8::1", "::1"]
)
def test_neighbor_of_a_metadata_service_is_allowed(address: str) -> None:
    assert not is_metadata_service(ip_address(address))
