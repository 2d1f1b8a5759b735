"""Documents as CSV: a header and a row for each resource. Source: docs/fidelity.md, CSV [documented, assumed]."""

import csv
import io
from collections.abc import Mapping

from ringback.twilio_api.documents import Document, Record
from ringback.twilio_api.xml import element_name


def serialize(document: Document) -> bytes:
    """Write a document as CSV; the columns have the XML elements' names, and fields that hold fields have none."""
    if isinstance(document, Record):
        columns, rows = _columns(document), [document.fields]
    else:
        columns, rows = list(document.columns), list(document.items)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(element_name, columns))
    writer.writerows([row[column] for column in columns] for row in rows)
    return text.getvalue().encode()


def _columns(record: Record) -> list[str]:
    return [name for name, value in record.fields.items() if not isinstance(value, Mapping)]
