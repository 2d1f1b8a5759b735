"""The Twilio hosts that ringback emulates, and the hosts that it refuses."""

import re
from enum import StrEnum

TWILIO_DOMAIN = "twilio.com"
EMULATED_HOST = "api.twilio.com"

_WITHOUT_CALLER_IDS = re.compile(r"api(\.[a-z0-9_-]+)*\.(ie1|au1)\.twilio\.com")
"""Hosts in the regions without caller IDs. Source: docs/fidelity.md, paths and methods [documented]."""

_NAME = re.compile(r"[a-z0-9._-]{1,253}")


class Product(StrEnum):
    """A Twilio product that ringback emulates. The value is the first label of the product's host names."""

    API = "api"
    ACCOUNTS = "accounts"
    OAUTH = "oauth"
    IAM = "iam"
    PREVIEW_IAM = "preview-iam"


_EMULATED = re.compile(rf"({'|'.join(Product)})(?:\.[a-z0-9_-]+)*\.twilio\.com")
"""Hosts of emulated products, in all regions and edges: api.ie1.twilio.com, api.dublin.ie1.twilio.com. Source:
Twilio's page on regions."""


class HostRole(StrEnum):
    """The role of a host, which decides how ringback treats requests to it."""

    EMULATED = "emulated"
    REFUSED = "refused"
    OTHER = "other"


def product_of(host: str) -> Product | None:
    """Return the product of a normalized host, or None if the host is not emulated."""
    match = _EMULATED.fullmatch(host)
    return Product(match[1]) if match else None


def host_role(host: str) -> HostRole:
    """Return the role of a normalized host."""
    if product_of(host):
        return HostRole.EMULATED
    if host == TWILIO_DOMAIN or host.endswith(f".{TWILIO_DOMAIN}"):
        return HostRole.REFUSED
    return HostRole.OTHER


def has_caller_ids(host: str) -> bool:
    """Return whether the region of a normalized host has verified caller IDs. Two regions do not."""
    return _WITHOUT_CALLER_IDS.fullmatch(host) is None


def normalize_host(field: str) -> str:
    """Return the host in a Host header or proxy request, in lower case, without port, brackets or trailing dots."""
    text = field.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name = text.partition(":")[0] if text.count(":") <= 1 else text
    return name.rstrip(".")


def is_valid_name(host: str) -> bool:
    """Return whether a normalized host has a valid length and contains only characters that host names may contain."""
    return _NAME.fullmatch(host) is not None
