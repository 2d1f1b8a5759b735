"""A network namespace that has loopback only, and in it a stand-in for the Internet's side of Twilio.

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
"""Where the stub resolver says that Twilio's hosts are: an address of loopback which does not look like one."""
PUBLIC_DOMAIN, MISSING_DOMAIN = b".twilio.com", b".local.twilio.com"
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
"""A process namespace, too: when its first process ends, the kernel ends the remaining ones."""
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP = 0x8913, 0x8914, 0x8916, 1
_TYPE_A = 1
_NOERROR, _NXDOMAIN = 0, 3


def in_namespace(command: list[str]) -> list[str]:
    """Return a command that runs another one in a namespace, as root there: as a user this takes a user namespace."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [*_UNSHARE, *as_root, *command]


def reason_namespaces_are_missing() -> str | None:
    """Return why no namespace can be made here, or None."""
    if shutil.which("unshare") is None:
        return "network namespaces need Linux and unshare, which is not installed"
    made = subprocess.run(in_namespace(["true"]), capture_output=True, text=True, check=False)  # noqa: S603
    return f"network namespaces are not permitted here: {made.stderr.strip()}" if made.returncode else None


def bring_loopback_up() -> None:
    """Start the interface of loopback, and give it TWILIO_ADDRESS too. Source: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(TWILIO_ADDRESS))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))


def resolve_names_here(folder: Path) -> None:
    """Let programs ask 127.0.0.1 for names, and this machine's hosts file for none but localhost."""
    for name, content in {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": "127.0.0.1 localhost\n"}.items():
        (folder / name).write_text(content)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)  # noqa: S603, S607


class InternetStub:
    """A resolver that knows Twilio's public hosts, and a listener at their address. Both note what reaches them."""

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
        """Return the names that were looked up and the count of connections since the last time."""
        looked_up, self._looked_up = self._looked_up, []
        connections, self._connections = self._connections, 0
        return sorted(set(looked_up)), connections

    def _resolve(self, resolver: socket.socket) -> None:
        while True:
            query, address = resolver.recvfrom(4096)
            with contextlib.suppress(IndexError, UnicodeDecodeError):
                resolver.sendto(self._answer(query), address)

    def _answer(self, query: bytes) -> bytes:
        """Answer a query with TWILIO_ADDRESS for a public host of Twilio's. Source: RFC 1035, 4.1."""
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
    """Return the name that a query asks for, in lower case, and where it ends."""
    labels, place = [], 12
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length])
        place += 1 + length
    return b".".join(labels).lower(), place + 1
