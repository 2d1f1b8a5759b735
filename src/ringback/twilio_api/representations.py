"""The representations of a document: JSON, XML and CSV. The path's suffix selects one; headers have no effect."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from ringback.twilio_api import xml
from ringback.twilio_api.documents import Document, Record


@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """One format of response bodies. The URIs in a body end with `uri_suffix`."""

    content_type: bytes
    uri_suffix: str
    serialize: Callable[[Document], bytes]


def serialize_json(document: Document) -> bytes:
    """Return a document as JSON. A page has exactly nine keys, in the order of Twilio's documentation."""
    if isinstance(document, Record):
        return orjson.dumps(document.fields)
    page, links = document.page, document.links
    return orjson.dumps(
        {
            "page": page.request.page,
            "page_size": page.request.page_size,
            "start": page.start,
            "end": page.end,
            "uri": links.uri,
            "first_page_uri": links.first,
            "previous_page_uri": links.previous,
            "next_page_uri": links.next,
            document.key: document.items,
        }
    )


def serialize_csv(document: Document) -> bytes:
    """Return a document as CSV: a header and a row for each resource.

    The columns have the names of the XML elements. Fields that contain other fields have no column. Source:
    docs/fidelity.md, CSV [documented, assumed].
    """
    if isinstance(document, Record):
        columns, rows = _columns(document), [document.fields]
    else:
        columns, rows = list(document.columns), list(document.items)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(xml.element_name, columns))
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return xml.plain_text(value) if isinstance(value, bool) else value


def _columns(record: Record) -> list[str]:
    return [name for name, value in record.fields.items() if not isinstance(value, Mapping)]


XML = Representation(b"application/xml", "", xml.serialize)
JSON = Representation(b"application/json", ".json", serialize_json)
CSV = Representation(b"text/csv", "", serialize_csv)

BY_SUFFIX = {"xml": XML, "json": JSON, "csv": CSV}
JSON_ONLY = ("/v1/", "/v2/")
"""Prefixes of the paths of Twilio's newer APIs, which have no suffix."""
ERRORS_IN = {CSV: XML}
"""Representations of errors on paths that select another one. Source: docs/fidelity.md, representation [assumed]."""


def split_suffix(path: str) -> tuple[str, Representation | None]:
    """Return a path without its suffix, and the representation that the suffix selects: XML without a suffix.

    Paths of Twilio's newer APIs have no suffix: their representation is JSON. For an unknown suffix, return the path
    unchanged and None.
    """
    if path.startswith(JSON_ONLY):
        return path, JSON
    head, dot, suffix = path.rpartition(".")
    if not dot or "/" in suffix:
        return path, XML
    representation = BY_SUFFIX.get(suffix)
    return (head, representation) if representation else (path, None)


def for_errors(representation: Representation | None) -> Representation:
    """Return the representation of errors on a path that selects `representation` (None for an unknown suffix)."""
    return XML if representation is None else ERRORS_IN.get(representation, representation)
