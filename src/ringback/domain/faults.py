"""Faults that a test injects, with their targets, effects and trials."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from ringback.domain.fault_effects import (
    CALLBACK_EFFECT_NAMES,
    OPERATION_EFFECT_NAMES,
    Effect,
    InvalidFault,
    describe_effect,
    is_on_callbacks,
    is_on_requests,
)
from ringback.domain.operations import Operation
from ringback.domain.timestamps import Timestamp

MOST_TIMES = 1_000_000

RandomFraction = Callable[[int, int], float]
"""A function that returns a random number in [0, 1) for the index of a fault in its account and the trial number."""


class FaultTarget(StrEnum):
    """The target of a fault: one operation of the Twilio API, all operations, or StatusCallbacks.

    Each member of Operation is a target with the same name.
    """

    _ignore_ = "members operation"
    members = vars()
    for operation in Operation:
        members[operation.name] = operation.value
    STATUS_CALLBACK = "status-callback"
    EVERY_OPERATION = "*"


@dataclass(frozen=True, slots=True)
class NewFault:
    """A fault that is not stored yet: it is triggered `times` times, or with a `probability`, or always."""

    operation: FaultTarget
    effect: Effect
    times: int | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        """Raise InvalidFault if the fields cannot be combined."""
        if self.times is not None and self.probability is not None:
            raise InvalidFault("times, probability: give one of them, or neither for a fault that always applies")
        is_callback = self.operation == FaultTarget.STATUS_CALLBACK
        if not (is_on_callbacks(self.effect) if is_callback else is_on_requests(self.effect)):
            allowed = CALLBACK_EFFECT_NAMES if is_callback else OPERATION_EFFECT_NAMES
            raise InvalidFault(
                f"effect: {describe_effect(self.effect)} is not valid for {self.operation}, which accepts {allowed}"
            )


@dataclass(frozen=True, slots=True)
class Fault:
    """A stored fault.

    `trials` counts the trials of the fault, and `triggered` the trials that triggered it. `times_left` is None for a
    fault without `times`.
    """

    id: int
    operation: FaultTarget
    effect: Effect
    times_left: int | None
    probability: float | None
    trials: int
    triggered: int
    date_created: Timestamp

    @property
    def is_used_up(self) -> bool:
        return self.times_left == 0

    def applies_to(self, target: FaultTarget) -> bool:
        """Return whether this fault applies to `target`. `*` means every operation, but not StatusCallbacks."""
        if self.operation == FaultTarget.EVERY_OPERATION:
            return target != FaultTarget.STATUS_CALLBACK
        return self.operation == target

    def after_trial(self, index: int, random_fraction: RandomFraction) -> "Fault":
        """Run one more trial, and return the fault with updated counts.

        A trial that triggers it increments `triggered`. `index` is the zero-based position of the fault among its
        account's faults.
        """
        trials = self.trials + 1
        if self.probability is not None and random_fraction(index, trials) >= self.probability:
            return replace(self, trials=trials)
        times_left = None if self.times_left is None else self.times_left - 1
        return replace(self, trials=trials, triggered=self.triggered + 1, times_left=times_left)
