"""The services that the handlers of the Twilio API and of the control API share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ringback.domain.account_clock import AccountTime
from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.monitoring.metrics import Metrics
from ringback.operations.id_generator import IdGenerator
from ringback.operations.refused_requests import RefusedRequests
from ringback.storage.change_notifier import ChangeNotifier
from ringback.storage.database import Database
from ringback.storage.request_journal import RequestJournal


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The objects that request handlers use, created once by create_app.

    `system_now` returns the system time. `wake_runner` must be called after a call becomes pending, and `wake_sender`
    after a StatusCallback becomes pending. `advance` advances an account's clock by a number of seconds, and returns
    None if the account does not exist. `reset_all` deletes everything and seeds the database again.
    """

    database: Database
    metrics: Metrics
    journal: RequestJournal
    change_notifier: ChangeNotifier
    refused_requests: RefusedRequests
    id_generator: IdGenerator
    call_policy: CallPolicy
    number_validation: NumberValidation
    validation_code_format: ValidationCodeFormat
    snapshot_limit_bytes: int
    system_now: Callable[[], Timestamp]
    wake_runner: Callable[[], None]
    wake_sender: Callable[[], None]
    advance: Callable[[AccountSid, float], Awaitable[AccountTime | None]]
    reset_all: Callable[[], Awaitable[None]]

    def wake(self) -> None:
        """Wake the runner and the sender."""
        self.wake_runner()
        self.wake_sender()
