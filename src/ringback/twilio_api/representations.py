"""Which form an answer takes: the path's suffix says so, and nothing else does."""

from collections.abc import Callable
from dataclasses import dataclass

from ringback.twilio_api import csv_serializer, json_serializer
from ringback.twilio_api import xml as xml_serializer
from ringback.twilio_api.documents import Document


@dataclass(frozen=True, slots=True)
class Representation:
    """One form of an answer.

    `uri_suffix` is what the URIs in it end with; `errors` names the form that errors take here.
    """

    content_type: bytes
    uri_suffix: str
    serialize: Callable[[Document], bytes]


XML = Representation(b"application/xml", "", xml_serializer.serialize)
JSON = Representation(b"application/json", ".json", json_serializer.serialize)
CSV = Representation(b"text/csv", "", csv_serializer.serialize)

BY_SUFFIX = {"xml": XML, "json": JSON, "csv": CSV}
ERRORS_IN = {CSV: XML}
"""Source: docs/fidelity.md, representation [assumed]."""


def split_suffix(path: str) -> tuple[str, Representation | None]:
    """Return a path without its suffix, and the representation that asks for: XML when there is none.

    None, and the path as it is, for a suffix that names no representation.
    """
    head, dot, suffix = path.rpartition(".")
    if not dot or "/" in suffix:
        return path, XML
    representation = BY_SUFFIX.get(suffix)
    return (head, representation) if representation else (path, None)


def for_errors(representation: Representation | None) -> Representation:
    """Return the form an error takes where `representation` was asked for."""
    return XML if representation is None else ERRORS_IN.get(representation, representation)
