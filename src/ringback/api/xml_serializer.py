"""Documents as XML."""

from collections.abc import Mapping
from functools import cache

from lxml import etree

from ringback.api.documents import Document, Fields, Record, RecordPage


def serialize(document: Document) -> bytes:
    """Write a document as XML: compact, empty elements self-closed; a page's links are attributes."""
    root = etree.Element("TwilioResponse")
    if isinstance(document, Record):
        _append(root, document.element, document.fields)
    else:
        _append_page(root, document)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _append_page(root: etree._Element, document: RecordPage) -> None:
    page, links = document.page, document.links
    attributes = {
        "page": str(page.request.page),
        "pagesize": str(page.request.page_size),
        "uri": links.uri,
        "firstpageuri": links.first,
        "previouspageuri": links.previous or "",
        "nextpageuri": links.next or "",
    }
    element = etree.SubElement(root, document.element, attributes)
    for fields in document.items:
        _append(element, document.item_element, fields)


def _append(parent: etree._Element, name: str, fields: Fields) -> None:
    element = etree.SubElement(parent, name)
    for key, value in fields.items():
        if isinstance(value, Mapping):
            _append(element, element_name(key), value)
            continue
        child = etree.SubElement(element, element_name(key))
        if value is not None and value != "":
            child.text = str(value)


@cache
def element_name(key: str) -> str:
    """Return the XML name of a field: ``date_created`` is ``DateCreated``."""
    return "".join(word.capitalize() for word in key.split("_"))
