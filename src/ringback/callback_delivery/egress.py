"""The egress policy for callbacks: maps and resolves hosts, and checks their addresses before connecting."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from ringback.callback_delivery.metadata_services import Address, Network, is_in, is_metadata_service
from ringback.dns import resolve
from ringback.domain.urls import DEFAULT_PORTS, HttpUrl


class EgressRefused(Exception):
    """The egress policy does not allow any address of a callback's host."""


class Destination(NamedTuple):
    """The server to connect to for a request. `mapped_to` is the target in the host map, or None.

    `is_proxied` is True if the target is reached over plain HTTP, as if it were behind a proxy that terminates TLS.
    """

    scheme: str
    host: str
    port: int
    mapped_to: str | None = None
    is_proxied: bool = False


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The hosts that callbacks may reach, and the host map, which replaces hosts with other targets.

    A target in `host_map` is a host, or a URL such as ``http://127.0.0.1:8000``, which is reached over plain HTTP. If
    `names` and `networks` are empty, all hosts are allowed. Cloud metadata services and link-local addresses are
    allowed only if one of the `networks` contains them.
    """

    names: Sequence[str] = ()
    networks: Sequence[Network] = ()
    host_map: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, allowed_hosts: Sequence[str], host_map: Mapping[str, str]) -> "EgressPolicy":
        """Create a policy from one list of host names (``app``, ``*.example.test``) and CIDRs."""
        networks = [network for network in map(_network, allowed_hosts) if network]
        names = [_normalized(host) for host in allowed_hosts if not _network(host)]
        return cls(names, networks, {_normalized(name): target for name, target in host_map.items()})

    def destination(self, url: HttpUrl) -> Destination:
        """Return the server to connect to for a URL."""
        target = self.host_map.get(_normalized(url.host))
        if target is None:
            return Destination(url.scheme, url.host, url.port)
        if "://" not in target:
            return Destination(url.scheme, target, url.port, f"{_bracketed(target)}:{url.port}")
        parts = urlsplit(target)
        return Destination("http", parts.hostname or "", parts.port or DEFAULT_PORTS["http"], target, is_proxied=True)

    def _mapped_host(self, name: str) -> str | None:
        target = self.host_map.get(name)
        return urlsplit(target).hostname if target and "://" in target else target

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the allowed addresses of a URL's host, in the order in which to try them.

        Raises EgressRefused if no address is allowed, or OSError if the name cannot be resolved.
        """
        name = _normalized(host)
        target = self._mapped_host(name) or host
        try:
            resolved = [ip_address(target)]
        except ValueError:
            resolved = await _resolve(target, port)
        is_host_allowed = not (self.names or self.networks) or any(_matches(name, pattern) for pattern in self.names)
        allowed: list[str] = []
        for address in resolved:
            effective = getattr(address, "ipv4_mapped", None) or address
            if is_in(self.networks, effective) or (is_host_allowed and not is_metadata_service(effective)):
                allowed.append(str(address))
        if not allowed:
            raise EgressRefused(f"callbacks to {host} ({', '.join(map(str, resolved))}) are not allowed")
        return allowed


def _normalized(host: str) -> str:
    """Return a host in lower case, without the final dot of a fully qualified name."""
    return host.lower().removesuffix(".")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


async def _resolve(name: str, port: int) -> list[Address]:
    try:
        found = await resolve(name, port)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, "the host is not a valid domain name") from error
    return list(dict.fromkeys(ip_address(address.partition("%")[0]) for _, address in found))
