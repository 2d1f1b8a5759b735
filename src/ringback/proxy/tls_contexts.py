"""Server-side TLS contexts, one per host name, created on first use."""

import ssl
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ringback.domain.timestamps import MICROSECONDS, Timestamp
from ringback.domain.twilio_hosts import HostRole, host_role, is_valid_name, normalize_host
from ringback.proxy.certificate_authority import Authority

HANDSHAKE_SECONDS = 10.0
SHUTDOWN_GRACE_SECONDS = 1.0
"""How long a client may take to answer a TLS shutdown. A server that stops waits for this."""
MAX_CACHED_CONTEXTS = 128
MIN_REMAINING = timedelta(days=7)
"""A certificate that expires sooner is replaced."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class _CachedContext(NamedTuple):
    context: ssl.SSLContext
    expires_at: datetime


class Certificates:
    """Issues certificates and caches their TLS contexts. `now` returns the machine's time."""

    def __init__(self, authority: Authority, now: Callable[[], Timestamp]) -> None:
        self._authority = authority
        self._now = now
        self._cache: OrderedDict[tuple[str, ...], _CachedContext] = OrderedDict()

    def context_for(self, *names: str) -> ssl.SSLContext:
        """Return a context with a certificate for these names."""
        system_now = datetime.fromtimestamp(self._now() / MICROSECONDS, UTC)
        cached = self._cache.get(names)
        if cached is None or cached.expires_at - system_now < MIN_REMAINING:
            leaf = self._authority.issue(names, system_now)
            cached = self._cache[names] = _CachedContext(_context(leaf.pem), leaf.expires_at)
            if len(self._cache) > MAX_CACHED_CONTEXTS:
                self._cache.popitem(last=False)
        self._cache.move_to_end(names)
        return cached.context

    def context_by_name(self) -> ssl.SSLContext:
        """Return a context that chooses the certificate by SNI: for one of Twilio's names, else for this machine."""
        context = _context(
            self._authority.issue(LOCAL_NAMES, datetime.fromtimestamp(self._now() / MICROSECONDS, UTC)).pem
        )
        context.sni_callback = self._select_certificate
        return context

    def _select_certificate(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        host = normalize_host(name or "")
        is_twilio_name = is_valid_name(host) and host_role(host) is not HostRole.OTHER
        connection.context = self.context_for(host) if is_twilio_name else self.context_for(*LOCAL_NAMES)


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with TemporaryDirectory(prefix="ringback-") as folder:  # the ssl module reads keys only from files
        file = Path(folder) / "leaf.pem"
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return context
