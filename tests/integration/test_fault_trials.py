"""Trials of faults, counted with one statement per request."""

from typing import Any

import pytest

from ringback.domain.fault_effects import AnswerError, Effect, Suppress
from ringback.domain.faults import FaultTarget, NewFault
from ringback.domain.operations import Operation
from ringback.operations.accounts import list_accounts
from ringback.operations.faults import add_fault, apply_faults, list_faults
from ringback.storage import fault_repository
from ringback.storage.statements import Statement
from ringback.storage.unit_of_work import UnitOfWork
from support.domain_values import T0
from support.in_process.simulation import Simulation

LIST, EVERY, CALLBACK = FaultTarget(Operation.LIST_CALLS), FaultTarget.EVERY_OPERATION, FaultTarget.STATUS_CALLBACK
BUSY = AnswerError(503)


def _always_high(_: int, __: int) -> float:
    return 0.999


def _add(simulation: Simulation, target: FaultTarget, effect: Effect = BUSY, **often: Any) -> None:
    [account] = list_accounts(simulation.unit_of_work)
    add_fault(simulation.unit_of_work, account, NewFault(target, effect, **often), system_now=T0)


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """Return the statements that counted trials."""
    made: list[Statement] = []
    change = UnitOfWork.change

    def noted(unit_of_work: UnitOfWork, statement: Statement, **parameters: Any) -> int:
        if statement in (fault_repository.SAVE_TRIAL, fault_repository.SAVE_MISSES):
            made.append(statement)
        return change(unit_of_work, statement, **parameters)

    monkeypatch.setattr(UnitOfWork, "change", noted)
    return made


@pytest.mark.parametrize("last_is_triggered", [True, False])
def test_applicable_faults_are_tried_until_one_is_triggered(
    simulation: Simulation, changes: list[Statement], *, last_is_triggered: bool
) -> None:
    for target in (EVERY, FaultTarget(Operation.FETCH_CALL), LIST, EVERY):
        _add(simulation, target, probability=0.0)
    _add(simulation, CALLBACK, Suppress(), probability=0.0)
    _add(simulation, LIST, **({"times": 2} if last_is_triggered else {"probability": 0.0}))
    _add(simulation, FaultTarget(Operation.FETCH_CALL))
    _add(simulation, EVERY, probability=0.5)
    [account] = list_accounts(simulation.unit_of_work)

    met = apply_faults(simulation.unit_of_work, account.sid, LIST, random_fraction=_always_high)

    trials_after_it = 0 if last_is_triggered else 1
    assert met == (BUSY if last_is_triggered else None)
    faults = list_faults(simulation.unit_of_work, account.sid)
    assert [fault.trials for fault in faults] == [1, 0, 1, 1, 0, 1, 0, trials_after_it]
    assert [fault.triggered for fault in faults] == [0, 0, 0, 0, 0, int(last_is_triggered), 0, 0]
    assert len(changes) == (2 if last_is_triggered else 1)
