"""Serialization of documents as XML, which is Twilio's default. No other module imports lxml."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache

from lxml import etree

from ringback.twilio_api.documents import Document, Fields, Record, RecordPage

ACRONYMS = {"mms": "MMS", "sms": "SMS"}
"""Fields whose XML names are not capitalized words. Source: docs/fidelity.md, IncomingPhoneNumber [oai]."""


def serialize(document: Document) -> bytes:
    """Return a document as compact XML with self-closing empty elements. The links of a page are attributes."""
    root = etree.Element("TwilioResponse")
    if isinstance(document, Record):
        _fill(_add_empty(root, document.element, document.fields), document.fields)
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
    if document.items:
        empty = _add_empty(etree.Element("Template"), document.item_element, document.items[0])
    for fields in document.items:
        item = deepcopy(empty)  # twice as fast as creating the elements one by one
        _fill(item, fields)
        element.append(item)


def _add_empty(parent: etree._Element, name: str, fields: Fields) -> etree._Element:
    """Add an element that has an empty child for each field, and return it."""
    element = etree.SubElement(parent, name)
    for key, value in fields.items():
        _add_empty(element, element_name(key), value if isinstance(value, Mapping) else {})
    return element


def _fill(element: etree._Element, fields: Fields) -> None:
    """Set the values of the fields as the text of an element's children; null and empty values leave a child empty."""
    for child, value in zip(element, fields.values(), strict=True):
        if isinstance(value, str):
            if value:
                child.text = value
        elif isinstance(value, Mapping):
            _fill(child, value)
        elif value is not None:
            child.text = plain_text(value)


def plain_text(value: int) -> str:
    """Return a number or boolean as XML and CSV contain it: ``true`` and ``false`` in lowercase."""
    return str(value).lower()


@cache
def element_name(key: str) -> str:
    """Return the XML name of a field: ``date_created`` is ``DateCreated``, and the capability ``sms`` is ``SMS``."""
    return ACRONYMS.get(key) or "".join(word.capitalize() for word in key.split("_"))
