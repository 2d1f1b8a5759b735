"""Addresses of cloud metadata services, which return credentials, and IPv6 addresses that lead to them."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA_SERVICES: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local (RFC 3927); most clouds use 169.254.169.254, Tencent 169.254.0.23
            "fe80::/10",  # link-local (RFC 4291); OpenStack and Linode use fe80::a9fe:a9fe
            "fd00:ec2::254",  # AWS: docs.aws.amazon.com, EC2 user guide, "Retrieve instance metadata"
            "fd00:ec2::23",  # AWS EKS: docs.aws.amazon.com, EKS user guide, "Set up the Amazon EKS Pod Identity Agent"
            "fd20:ce::254",  # Google: cloud.google.com, Compute Engine, "About VM metadata", IPv6-only instances
            "168.63.129.16",  # Azure WireServer: learn.microsoft.com, "What is IP address 168.63.129.16?"
            "fd00:c1::a9fe:a9fe",  # Oracle: github.com/oracle/oci-python-sdk, instance principals
            "192.0.0.192",  # Oracle Cloud Infrastructure Classic: docs.oracle.com, "Retrieving Instance Metadata"
            "100.100.100.200",  # Alibaba: alibabacloud.com/help, ECS, "Instance metadata"
            "fd00:100::100:200",  # Alibaba over IPv6: the same page; cloud-init's data source AliYun
            "fd00:42::42",  # Scaleway: scaleway.com/en/developers/api, Instances, "User data" (IPv4: 169.254.42.42)
            "fd00:a9fe:a9fe::1",  # Akamai (Linode): techdocs.akamai.com, "Use the Metadata service API"
        ),
    )
)

IPV4_BITS = 32
_LOW_32_BITS = 0xFFFF_FFFF
_IPV4_IN_LOW_BITS = (
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped (RFC 4291)
    IPv6Network("::/96"),  # IPv4-compatible (RFC 4291, deprecated)
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 7915)
    IPv6Network("64:ff9b::/96"),  # NAT64's well-known prefix (RFC 6052)
)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
"""Networks choose their NAT64 prefix from this range (RFC 8215). The prefix length determines the position of the IPv4
address (RFC 6052)."""
_ISATAP_MARKS = frozenset({0x0000_5EFE, 0x0200_5EFE})
_UNUSED_BITS = range(64, 72)
"""The octet that RFC 6052 reserves in an IPv6 address with an embedded IPv4 address."""


def is_in(networks: Sequence[Network], address: Address) -> bool:
    """Return whether one of the networks contains the address. An IPv6 network never contains an IPv4 address."""
    return any(address.version == network.version and address in network for network in networks)


def is_metadata_service(address: Address) -> bool:
    """Return whether an address belongs to a metadata service or may lead to one."""
    return any(is_in(METADATA_SERVICES, candidate) for candidate in (address, *embedded_addresses(address)))


def embedded_addresses(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address may lead to by translation or tunneling."""
    if not isinstance(address, IPv6Address):
        return
    number = int(address)
    if address.sixtofour:
        yield address.sixtofour
    yield from address.teredo or ()
    if any(address in network for network in _IPV4_IN_LOW_BITS):
        yield IPv4Address(number & _LOW_32_BITS)
    if (number >> IPV4_BITS) & _LOW_32_BITS in _ISATAP_MARKS:  # RFC 5214
        yield IPv4Address(number & _LOW_32_BITS)
    if address in _LOCAL_NAT64:
        for prefix_length in (48, 56, 64, 96):
            yield _nat64_address(number, prefix_length)


def _nat64_address(number: int, prefix_length: int) -> IPv4Address:
    """Return the IPv4 address that follows a NAT64 prefix of this length."""
    bits = [bit for bit in range(prefix_length, 128) if bit not in _UNUSED_BITS][:IPV4_BITS]
    return IPv4Address(
        sum(((number >> (127 - bit)) & 1) << (IPV4_BITS - 1 - position) for position, bit in enumerate(bits))
    )
