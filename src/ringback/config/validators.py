"""Validators and field types that settings, seed file and control API share, and the wording of their errors."""

import re
import ssl
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ringback.domain.caller_ids import FRIENDLY_NAME_MAX_CHARACTERS, friendly_name_error
from ringback.domain.oauth import LONGEST_LIFETIME_SECONDS, SHORTEST_LIFETIME_SECONDS
from ringback.domain.permissions import (
    FULL_ACCESS,
    MAX_PERMISSIONS,
    PERMISSION_PATTERN,
    STANDARD_ACCESS,
    Access,
    KeyType,
    normalize_permission,
    restricted_access,
)
from ringback.domain.phones import MAX_PHONE_SECONDS
from ringback.domain.policies import MAX_CALLS_A_WEEK, MAX_CODE_ATTEMPTS, MAX_CODE_LIFETIME_SECONDS
from ringback.domain.secrets import SECRET_MAX_CHARACTERS
from ringback.domain.sids import ACCOUNT, is_sid
from ringback.domain.urls import DEFAULT_PORTS, MAX_PORT
from ringback.domain.webhook_signing import SHARED_KEY_SID

HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
MAX_HOST_CHARACTERS = 253
"""Source: RFC 1035, 2.3.4."""


def plain_text(value: object) -> object:
    """Check that a text is UTF-8 without NUL characters. Values of other types pass.

    Python turns bytes that are not UTF-8 into lone surrogates, which cannot be encoded for names, files and logs.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("it contains a NUL character")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("it is not UTF-8") from None
    return value


def comma_separated(value: object) -> object:
    """Split a text at its commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def comma_separated_pairs(value: object) -> object:
    """Split a text of pairs ``name=target``, separated by commas."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    for name, separator, target in parts:
        if not (separator and name.strip() and target.strip()):
            raise ValueError("must be name=target,name=target; a target is a host or http://host:port")
    return {name.strip(): target.strip() for name, _, target in parts}


def ipv6_address(text: str) -> str | None:
    """Return an IPv6 address without its brackets, or None for any other text."""
    try:
        return str(IPv6Address(text[1:-1] if text[:1] + text[-1:] == "[]" else text))
    except ValueError:
        return None


def mapped_host(text: str) -> str:
    """Check a name or an address of the host map, and remove the brackets of an IPv6 address."""
    address = text if HOST_NAME.fullmatch(text) else ipv6_address(text)
    if address is None:
        raise ValueError(
            f"{text} is not a host name or IP address; write a host alone, or a target as http://host:port"
        )
    return address


def mapped_target(text: str) -> str:
    """Check a target of the host map: ``http://host:port``, or a host, which `mapped_host` checks."""
    if "://" not in text:
        return mapped_host(text)
    scheme, _, authority = text.partition("://")
    if {*"/?#"} & {*authority.removesuffix("/")}:
        raise ValueError(f"{text}: a target has no path; write http://host:port")
    host, colon, port = authority.removesuffix("/").rpartition(":")
    if not colon or "]" in port:
        host, port = authority.removesuffix("/"), ""
    if scheme.lower() != "http":
        raise ValueError(f"{text}: a target with a port is reached in plain HTTP; write http://host:port")
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= MAX_PORT):
        raise ValueError(f"{text}: a port must be a number from 1 to {MAX_PORT}")
    address = mapped_host(host)
    return f"http://{f'[{address}]' if ':' in address else address}:{port or DEFAULT_PORTS['http']}"


def trusted_certificates(file: str | None) -> str | None:
    """Return the certificates in a PEM file, or None if `file` is None.

    Raises ValueError with a message for the user.
    """
    if file is None:
        return None
    try:
        text = Path(file).expanduser().read_text(encoding="ascii", errors="ignore")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{file} has no valid certificate in PEM format") from error
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return text


def listening_host(text: str) -> str:
    """Check a host name or an address to listen on. Convert a name that is not ASCII to punycode."""
    if address := ipv6_address(text):
        return address
    try:
        name = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not HOST_NAME.fullmatch(name) or len(name) > MAX_HOST_CHARACTERS:
        raise ValueError("must be an IP address or a host name, without scheme and port")
    return name


def _account_sid(value: str) -> str:
    if not is_sid(ACCOUNT, value):
        raise ValueError("must be AC followed by 32 lowercase hexadecimal digits")
    return value


def _friendly_name(value: str) -> str:
    error = friendly_name_error(value)
    if error:
        raise ValueError(error)
    return value


def _permission(value: str) -> str:
    permission = normalize_permission(value)
    if permission is None:
        raise ValueError("must have a form such as twilio/voice/outgoing-caller-ids/list")
    return permission


def key_access(key_type: KeyType, permissions: Iterable[str] | None) -> Access:
    """Return the access of a key. Raises ValueError unless the restricted keys, and no others, have permissions.

    An empty list is valid: such a key has no access.
    """
    if key_type is KeyType.RESTRICTED:
        if permissions is None:
            raise ValueError("a restricted key needs permissions")
        return restricted_access(frozenset(permissions))
    if permissions is not None:
        raise ValueError(f"a {key_type} key has no permissions: leave them out, or set its type to restricted")
    return FULL_ACCESS if key_type is KeyType.MAIN else STANDARD_ACCESS


AccountSidText = Annotated[str, AfterValidator(_account_sid), Field(json_schema_extra={"pattern": "^AC[0-9a-f]{32}$"})]
Secret = Annotated[str, Field(min_length=1, max_length=SECRET_MAX_CHARACTERS)]
KEYS_PATTERN = r"^w*[0-9*#][0-9*#w]*$"
_PATTERN_RULES = {
    KEYS_PATTERN: "must be digits, * and #, with w (lower case) for a pause, and not only pauses",
    SHARED_KEY_SID: "must be 1 to 64 printable ASCII characters, without spaces and commas",
}
"""Patterns, and their rules in words."""
SharedKeySid = Annotated[str, Field(pattern=SHARED_KEY_SID)]
Seconds = Annotated[float, Field(ge=0, le=MAX_PHONE_SECONDS, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
CodeAttempts = Annotated[int, Field(ge=1, le=MAX_CODE_ATTEMPTS)]
CodeLifetime = Annotated[float, Field(gt=0, le=MAX_CODE_LIFETIME_SECONDS, allow_inf_nan=False)]
CallsAWeek = Annotated[int, Field(ge=1, le=MAX_CALLS_A_WEEK)]
Permissions = Annotated[
    list[Annotated[str, AfterValidator(_permission), Field(json_schema_extra={"pattern": PERMISSION_PATTERN})]],
    Field(max_length=MAX_PERMISSIONS, examples=[["twilio/voice/outgoing-caller-ids/list"]]),
]
TokenLifetime = Annotated[int, Field(ge=SHORTEST_LIFETIME_SECONDS, le=LONGEST_LIFETIME_SECONDS)]
FriendlyName = Annotated[
    str,
    AfterValidator(_friendly_name),
    Field(json_schema_extra={"minLength": 1, "maxLength": FRIENDLY_NAME_MAX_CHARACTERS}),
]
PhoneExtension = Annotated[str, Field(pattern=r"^[0-9#*]{1,50}$")]


def error_message(details: Any) -> str:
    """Return one of ``ValidationError.errors()`` as the end of a sentence: ``input should be a valid integer``."""
    if rule := _PATTERN_RULES.get(details.get("ctx", {}).get("pattern")):
        return rule
    message: str = details["msg"].removeprefix("Value error, ")
    is_plain_word = message[1:2].islower() or message[1:2] == " "
    return message[0].lower() + message[1:] if is_plain_word else message


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to `word`, or None."""
    by_plain_name: dict[str, str] = {}
    for name in known:
        by_plain_name.setdefault(_plain(name), name)
    matches = get_close_matches(_plain(word), by_plain_name, n=1)
    return by_plain_name[matches[0]] if matches else None


def _plain(name: str) -> str:
    return name.lstrip("-").replace("_", "-").lower()
