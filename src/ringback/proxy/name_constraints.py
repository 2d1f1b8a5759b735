"""The name constraints of ringback's certificate authority, which limit the hosts that it can sign certificates for."""

from ipaddress import ip_network

from cryptography import x509

from ringback.domain.twilio_hosts import TWILIO_DOMAIN

PERMITTED_NAMES = (
    x509.DNSName(TWILIO_DOMAIN),
    x509.DNSName("localhost"),
    x509.IPAddress(ip_network("127.0.0.0/8")),
    x509.IPAddress(ip_network("::1/128")),
)
"""The names and addresses for which an authority may sign certificates."""
UNCONSTRAINED = (
    "the certificate authority in {folder} is not trusted, because its certificate is not limited to names below "
    "twilio.com and to this machine, as ringback's own are. Remove the folder to have a new one created, or choose "
    "another one with --authority-folder, for `ringback serve` and `ringback env` alike"
)


def is_constrained(certificate: x509.Certificate) -> bool:
    """Return whether the name constraints of a certificate are critical and permit exactly PERMITTED_NAMES."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return constraints.critical and set(constraints.value.permitted_subtrees or ()) == set(PERMITTED_NAMES)
