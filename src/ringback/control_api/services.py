"""What the control API's handlers work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from ringback.domain.account_clock import AccountTime
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.policies import CallPolicy
from ringback.domain.sids import AccountSid
from ringback.domain.timestamps import Timestamp
from ringback.operations.id_generator import IdGenerator
from ringback.operations.refused_requests import RefusedRequests
from ringback.storage.database import Database


@dataclass(frozen=True, slots=True)
class ControlServices:
    """The collaborators of a request.

    `now` is the machine's time; `wake` is called after something new became pending; `advance` lets an account's time
    pass, in seconds; `reset_all` forgets everything and brings the start back; `refusals` are those of the proxy;
    `snapshot_limit_bytes` is how large a snapshot may be.
    """

    database: Database
    now: Callable[[], Timestamp]
    identifiers: IdGenerator
    call_policy: CallPolicy
    number_validation: NumberValidation
    wake: Callable[[], None]
    advance: Callable[[AccountSid, float], Awaitable[AccountTime | None]]
    reset_all: Callable[[], Awaitable[None]]
    refusals: RefusedRequests
    snapshot_limit_bytes: int


def services_of(request: Request) -> ControlServices:
    """Return the services of the application that a request came to."""
    services: ControlServices = request.app.state.services
    return services
