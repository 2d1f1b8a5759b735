"""Documents as JSON."""

import orjson

from ringback.twilio_api.documents import Document, Record


def serialize(document: Document) -> bytes:
    """Write a document as JSON; a page has exactly nine keys, in the product page's order."""
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
