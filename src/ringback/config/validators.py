"""Checks of the text that users write into settings. Each raises ValueError with a message for the user."""

import re
from ipaddress import IPv6Address

HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
MAX_HOST_CHARACTERS = 253
"""Source: RFC 1035, 2.3.4."""


def plain_text(value: object) -> object:
    """Check that a text is UTF-8 and has no NUL character; other values pass.

    Python turns bytes that are not UTF-8 into lone surrogates, on which names, files and logs fail later.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("it has a NUL character")
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
            raise ValueError("write name=target,name=target")
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
        raise ValueError(f"{text} is not a host name or IP address; ports cannot be mapped")
    return address


def listening_host(text: str) -> str:
    """Check a name or an address to listen on; a name that is not ASCII becomes punycode."""
    if address := ipv6_address(text):
        return address
    try:
        name = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not HOST_NAME.fullmatch(name) or len(name) > MAX_HOST_CHARACTERS:
        raise ValueError("write an IP address or a host name, without scheme and port")
    return name
