"""What the handlers of the Twilio surface work with."""

from collections.abc import Callable
from dataclasses import dataclass

from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.policies import CallPolicy
from ringback.domain.timestamps import Timestamp
from ringback.operations.id_generator import IdGenerator
from ringback.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """The collaborators of a request.

    `wake_runner` is called after a call became pending, `wake_sender` after a StatusCallback may have.
    """

    database: Database
    now: Callable[[], Timestamp]
    identifiers: IdGenerator
    call_policy: CallPolicy
    number_validation: NumberValidation
    validation_code_format: ValidationCodeFormat
    wake_runner: Callable[[], None]
    wake_sender: Callable[[], None]
