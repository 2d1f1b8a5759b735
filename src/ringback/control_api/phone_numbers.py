"""Phone numbers as requests to the control API name them."""

from ringback.control_api.errors import unprocessable
from ringback.domain.phone_numbers import to_e164
from ringback.operations.services import Services

_SHOWN_CHARACTERS = 40


def e164_of(services: Services, written: str, place: str) -> str:
    """Return the E.164 form of a number written at some `place` of a request; raises ControlError where it is none."""
    e164 = to_e164(written, services.number_validation)
    if e164 is None:
        raise unprocessable(
            f"{place}: {written[:_SHOWN_CHARACTERS]!r} is no phone number that could be called",
            "write it as +14158675309; the setting number_validation=possible lets numbers pass by their length",
        )
    return e164
