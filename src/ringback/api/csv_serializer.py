"""Documents as CSV: a header and a row for each resource. Source: docs/fidelity.md, CSV [documented, assumed]."""

import csv
import io

from ringback.api.documents import Document, Record
from ringback.api.xml_serializer import element_name


def serialize(document: Document) -> bytes:
    """Write a document as CSV; the columns have the XML elements' names."""
    if isinstance(document, Record):
        columns, rows = tuple(document.fields), [document.fields]
    else:
        columns, rows = tuple(document.columns), list(document.items)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(element_name, columns))
    writer.writerows([row[column] for column in columns] for row in rows)
    return text.getvalue().encode()
