"""Which hosts ringback stands in for, which it refuses, and which are none of its business."""

import re
from enum import StrEnum

TWILIO_DOMAIN = "twilio.com"
EMULATED_HOST = "api.twilio.com"
_EMULATED = re.compile(r"api(\.[a-z0-9_-]+)*\.twilio\.com")
"""With regions and edges: api.ie1.twilio.com, api.dublin.ie1.twilio.com. Source: Twilio's page on regions."""

_NAME = re.compile(r"[a-z0-9._-]{1,253}")


class HostRole(StrEnum):
    """What becomes of a request to a host."""

    EMULATED = "emulated"
    REFUSED = "refused"
    OTHER = "other"


def host_role(host: str) -> HostRole:
    """Tell what becomes of a request to a host, given as `normalize_host` returns it."""
    if _EMULATED.fullmatch(host):
        return HostRole.EMULATED
    if host == TWILIO_DOMAIN or host.endswith(f".{TWILIO_DOMAIN}"):
        return HostRole.REFUSED
    return HostRole.OTHER


def normalize_host(field: str) -> str:
    """Return the name or address in a Host field or a proxy request: in lower case, no port, brackets or final dots."""
    text = field.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name = text.partition(":")[0] if text.count(":") <= 1 else text
    return name.rstrip(".")


def is_valid_name(host: str) -> bool:
    """Tell whether a host, as `normalize_host` returns it, has only the characters of host names, and not too many."""
    return _NAME.fullmatch(host) is not None
