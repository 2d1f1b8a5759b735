"""Pending StatusCallbacks, and a sender that delivers them over the loopback interface."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ringback.callback_delivery import delivery
from ringback.callback_delivery.egress import EgressPolicy
from ringback.callback_delivery.sender import CallbackSender
from ringback.domain.callbacks import (
    CallbackAttempt,
    CallbackStatus,
    CallbackSummary,
    DeliveryPartition,
    StatusCallback,
    with_geography,
)
from ringback.domain.fault_effects import effect_from_dict
from ringback.domain.faults import FaultTarget, NewFault
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import SignedPort
from ringback.domain.retry_policy import DeliveryPolicy
from ringback.domain.sids import AccountSid
from ringback.operations.callbacks import Claim, claim_due_callbacks
from ringback.operations.delivery_slots import MAX_DELIVERIES
from ringback.operations.faults import add_fault
from support.domain_values import ACCOUNT_SID
from support.in_process.simulation import Simulation
from support.polling import until
from support.waiting import PATIENCE_SECONDS

PATIENT_MS = int(2 * PATIENCE_SECONDS * 1000)
PATIENT = DeliveryPolicy(connect_timeout_ms=PATIENT_MS, read_timeout_ms=PATIENT_MS, total_timeout_ms=PATIENT_MS)


PARAMETERS = '[["From","+1"],["To","+1"],["Caller","+1"],["Called","+1"],["SequenceNumber","0"]]'
"""Parameters of a callback's row, for tests in which they do not matter."""


@dataclass
class Outbox:
    """Ended calls with pending callbacks, and a sender that delivers them. The fields configure the delivery.

    The timeouts of the default policy are longer than PATIENCE_SECONDS.
    """

    simulation: Simulation
    policy: DeliveryPolicy = PATIENT
    egress: EgressPolicy = field(default_factory=EgressPolicy)
    signed_port: SignedPort = SignedPort.AS_GIVEN
    certificates: str | None = None
    database_retry_seconds: float = delivery.DATABASE_RETRY_SECONDS
    retry_seconds: float = delivery.RETRY_SECONDS
    call_sids: list[str] = field(default_factory=list)

    def enqueue(
        self, url: str, method: str = "POST", *, account_sid: AccountSid = ACCOUNT_SID, **parameters: Any
    ) -> str:
        """Enqueue a callback: create a call to a busy phone with this callback URL, and return the call's SID."""
        self.simulation.set_default_phone(PhoneBehavior.BUSY)
        number = f"+1415867{len(self.call_sids):04d}"
        answer = self.simulation.validate(
            number, account_sid, status_callback=url, status_callback_method=method, **parameters
        )
        self.simulation.run()
        self.call_sids.append(answer.call_sid)
        return answer.call_sid

    def add_fault(
        self, effect: dict[str, Any], times: int | None = None, target: FaultTarget = FaultTarget.STATUS_CALLBACK
    ) -> None:
        """Add a fault to the default account, by default a fault for StatusCallbacks."""
        unit_of_work = self.simulation.unit_of_work
        account = unit_of_work.accounts.find(ACCOUNT_SID)
        assert account is not None
        fault = NewFault(target, effect_from_dict(effect), times)
        assert add_fault(unit_of_work, account, fault, system_now=self.simulation.clock.now())

    def callback(self, sid: str) -> StatusCallback:
        """Return a call's callback with the parameters that are sent."""
        found = self.simulation.unit_of_work.callbacks.find(sid)
        assert found is not None
        return replace(found[0], parameters=with_geography(found[0].parameters))

    def status(self, sid: str) -> CallbackStatus:
        found = self.simulation.unit_of_work.callbacks.find(sid)
        assert found is not None
        return found[1]

    def summary(self, sid: str) -> CallbackSummary:
        """Return the summary of a call's callback in the list of calls."""
        found = self.simulation.unit_of_work.callbacks.summary(sid)
        assert found is not None
        return found

    def attempts(self, sid: str) -> list[CallbackAttempt]:
        return self.simulation.unit_of_work.callbacks.attempts(sid)

    def is_settled(self, *sids: str) -> bool:
        return all(self.summary(sid).status != CallbackStatus.PENDING for sid in sids or self.call_sids)

    def claim(self, in_progress: Mapping[DeliveryPartition, int] | None = None, slots: int = MAX_DELIVERIES) -> Claim:
        """Claim due callbacks, as a sender does."""
        simulation = self.simulation
        return claim_due_callbacks(
            simulation.unit_of_work,
            now=simulation.clock.now(),
            in_progress=in_progress or {},
            random_fraction=simulation.id_generator.random_fraction,
            slots=slots,
        )

    def a_sender(self, *, max_deliveries: int = MAX_DELIVERIES, **seconds: float) -> CallbackSender:
        simulation = self.simulation
        callback_delivery = delivery.CallbackDelivery(
            simulation.database,
            simulation.clock,
            delivery.DeliveryOptions(self.policy, self.egress, self.signed_port, self.certificates),
            database_retry_seconds=self.database_retry_seconds,
            retry_seconds=self.retry_seconds,
        )
        return CallbackSender(
            simulation.database,
            simulation.clock,
            callback_delivery,
            simulation.id_generator.random_fraction,
            max_deliveries=max_deliveries,
            **seconds,
        )

    @asynccontextmanager
    async def sending(self, sender: CallbackSender | None = None) -> AsyncIterator[CallbackSender]:
        """Run a sender, and stop it without a grace period."""
        sender = sender or self.a_sender()
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await sender.close(0, release_seconds=PATIENCE_SECONDS)

    async def deliver(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Send all callbacks, and wait until each one is delivered or has failed."""
        async with self.sending():
            await until(self.is_settled, seconds)
