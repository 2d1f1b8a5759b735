"""Where StatusCallbacks may go: names resolved, addresses checked, hosts mapped, before anything is connected."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from ringback.callback_delivery.metadata_services import Address, Network, is_in, is_metadata_service
from ringback.dns import found_addresses


class EgressRefused(Exception):
    """A callback's destination is not allowed."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Which hosts callbacks may reach, and where to really connect for some of them.

    Without `names` and `networks` that is every host. Metadata services of clouds, link-local addresses among them, are
    reached only when a network names them.
    """

    names: Sequence[str] = ()
    networks: Sequence[Network] = ()
    host_map: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, allowed_hosts: Sequence[str], host_map: Mapping[str, str]) -> "EgressPolicy":
        """Read host names (``app``, ``*.example.test``) and CIDRs from one list."""
        networks = [network for network in map(_network, allowed_hosts) if network]
        names = [host.lower() for host in allowed_hosts if not _network(host)]
        return cls(names, networks, {name.lower(): target for name, target in host_map.items()})

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses to try, in order, for a URL's host.

        Raises EgressRefused where none may be reached, OSError where the name cannot be resolved.
        """
        resolved = await _resolve(self.host_map.get(host.lower(), host), port)
        allowed = [str(address) for address in resolved if self._allows(host.lower(), address)]
        if not allowed:
            raise EgressRefused(f"callbacks to {host} ({', '.join(map(str, resolved))}) are not allowed")
        return allowed

    def _allows(self, host: str, address: Address) -> bool:
        system_now = getattr(address, "ipv4_mapped", None) or address
        if is_in(self.networks, system_now):
            return True
        if is_metadata_service(system_now):
            return False
        return not (self.names or self.networks) or any(_matches(host, name) for name in self.names)


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        return [ip_address(host)]
    except ValueError:
        pass
    try:
        found = await found_addresses(host, port)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, "the host can be no domain name") from error
    return list(dict.fromkeys(ip_address(address.partition("%")[0]) for _, address in found))
