"""A network namespace that has only the loopback interface, and a stub of the Internet inside it.

Everything here runs inside the namespace, except `reason_namespaces_are_missing` and `in_namespace`.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path

TWILIO_ADDRESS = "203.0.113.66"
"""Address that the stub resolver returns for Twilio's hosts. It is on the loopback interface but not in 127.0.0.0/8."""
PUBLIC_DOMAIN, MISSING_DOMAIN = b".twilio.com", b".local.twilio.com"
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
"""Command with a PID namespace: when its first process ends, the kernel kills all others in it."""
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP = 0x8913, 0x8914, 0x8916, 1
_TYPE_A = 1
_NOERROR, _NXDOMAIN = 0, 3


def in_namespace(command: list[str]) -> list[str]:
    """Return a command that runs `command` as root in a new network namespace.

    Unless the caller is root, it also creates a user namespace.
    """
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [*_UNSHARE, *as_root, *command]


def reason_namespaces_are_missing() -> str | None:
    """Return the reason why namespaces cannot be created on this machine, or None."""
    if shutil.which("unshare") is None:
        return "network namespaces need Linux and unshare, which is not installed"
    made = subprocess.run(in_namespace(["true"]), capture_output=True, text=True, check=False)  # noqa: S603
    return f"network namespaces are not permitted here: {made.stderr.strip()}" if made.returncode else None


def bring_loopback_up() -> None:
    """Enable the loopback interface, and add TWILIO_ADDRESS to it. Source: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(TWILIO_ADDRESS))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))


def resolve_names_here(folder: Path) -> None:
    """Configure 127.0.0.1 as the only name server, and only localhost in the hosts file."""
    for name, content in {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": "127.0.0.1 localhost\n"}.items():
        (folder / name).write_text(content)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)  # noqa: S603, S607


class InternetStub:
    """A DNS resolver for Twilio's public hosts, and a listener at their address. It records names and connections."""

    def __init__(self) -> None:
        self._looked_up: list[str] = []
        self._connections = 0
        resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        resolver.bind(("127.0.0.1", 53))
        threading.Thread(target=self._resolve, args=[resolver], daemon=True).start()
        for port in (80, 443):
            listener = socket.create_server((TWILIO_ADDRESS, port))
            threading.Thread(target=self._accept, args=[listener], daemon=True).start()

    def take(self) -> tuple[list[str], int]:
        """Return the names resolved and the number of connections since the last call."""
        resolved_names, self._looked_up = self._looked_up, []
        connections, self._connections = self._connections, 0
        return sorted(set(resolved_names)), connections

    def _resolve(self, resolver: socket.socket) -> None:
        while True:
            query, address = resolver.recvfrom(4096)
            with contextlib.suppress(IndexError, UnicodeDecodeError):
                resolver.sendto(self._answer(query), address)

    def _answer(self, query: bytes) -> bytes:
        """Answer a DNS query for a public host of Twilio with TWILIO_ADDRESS. Source: RFC 1035, 4.1."""
        name, end = _name_in(query)
        self._looked_up.append(name.decode())
        is_public = f".{name.decode()}".encode().endswith(PUBLIC_DOMAIN) and not name.endswith(MISSING_DOMAIN)
        has_address = is_public and int.from_bytes(query[end : end + 2]) == _TYPE_A
        flags = 0x8180 | (_NOERROR if is_public else _NXDOMAIN)
        head = query[:2] + struct.pack("!HHHHH", flags, 1, has_address, 0, 0)
        record = struct.pack("!HHHIH", 0xC00C, _TYPE_A, 1, 0, 4) + socket.inet_aton(TWILIO_ADDRESS)
        return head + query[12 : end + 4] + (record if has_address else b"")

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            self._connections += 1
            connection.close()


def _name_in(query: bytes) -> tuple[bytes, int]:
    """Return the name in a DNS query, in lower case, and the offset of its end."""
    labels, place = [], 12
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length])
        place += 1 + length
    return b".".join(labels).lower(), place + 1
