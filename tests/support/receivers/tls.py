"""A receiver of StatusCallbacks with TLS and a self-signed certificate."""

import ssl
import subprocess
from pathlib import Path

from support.receivers.receiver import CallbackReceiver
from support.waiting import PROGRAM_SECONDS

OPENSSL = "openssl"


def make_certificate(folder: Path, *names: str) -> Path:
    """Create a self-signed certificate for these names and addresses. Return the file with the certificate and key."""
    alternatives = ",".join(f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names)
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names_in_it = ["-subj", "/CN=receiver", "-addext", f"subjectAltName={alternatives}"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = [OPENSSL, "req", "-x509", *kind, *names_in_it, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=PROGRAM_SECONDS)  # noqa: S603
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


class TlsReceiver(CallbackReceiver):
    """A `CallbackReceiver` behind TLS."""

    def __init__(self, certificate: Path, minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = minimum_version
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"https://127.0.0.1:{self.port}"
