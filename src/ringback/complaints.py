"""What pydantic found wrong with a value, in words for the person who wrote it."""

from typing import Any


def complaint(details: Any) -> str:
    """Return one of ``ValidationError.errors()`` as the rest of a sentence: ``input should be a valid integer``."""
    message: str = details["msg"].removeprefix("Value error, ")
    is_plain_word = message[1:2].islower() or message[1:2] == " "
    return message[0].lower() + message[1:] if is_plain_word else message
