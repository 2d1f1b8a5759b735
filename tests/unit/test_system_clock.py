"""The system clock, which ignores steps of the machine's clock."""

import pytest

from ringback import clock as clock_module
from ringback.clock import FOLLOW_AFTER_SECONDS, NANOSECONDS, SMALL_STEP_SECONDS, SystemClock

HOUR = 3_600.0


class Machine:
    """A machine whose clocks a test sets."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.monotonic = 5_000.0
        self.start = self.wall

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def step(self, seconds: float) -> None:
        self.wall += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a fake machine whose clocks SystemClock reads."""
    machine = Machine()
    monkeypatch.setattr(clock_module, "wall_ns", lambda: round(machine.wall * NANOSECONDS))
    monkeypatch.setattr(clock_module, "monotonic_ns", lambda: round(machine.monotonic * NANOSECONDS))
    return machine


def shown(clock: SystemClock, machine: Machine) -> float:
    """Return the seconds that a clock has advanced since the start of the test."""
    return clock.now() / 1_000_000 - machine.start


def latest(clock: SystemClock, machine: Machine) -> float:
    return clock.latest() / 1_000_000 - machine.start


def test_system_clock_starts_with_the_machines_time(machine: Machine) -> None:
    clock = SystemClock()

    machine.advance(90)

    assert shown(clock, machine) == latest(clock, machine) == pytest.approx(90)


def test_system_clock_continues_when_the_machines_clock_is_set_back(machine: Machine) -> None:
    clock = SystemClock()
    machine.advance(10)
    before = shown(clock, machine)

    machine.step(-HOUR)
    at_once = shown(clock, machine)
    machine.advance(100)

    assert before == pytest.approx(10)
    assert at_once == pytest.approx(10)
    assert shown(clock, machine) == pytest.approx(10 + 100 * 0.9)


def test_system_clock_that_is_ahead_runs_slower_until_the_machines_clock_catches_up(machine: Machine) -> None:
    clock = SystemClock()
    machine.step(-30)
    for _ in range(400):
        machine.advance(1)
        shown(clock, machine)

    assert shown(clock, machine) == pytest.approx(370)


def test_system_clock_never_goes_back(machine: Machine) -> None:
    clock = SystemClock()
    readings = []
    for step in (0, -1, -HOUR, 0.5, -0.001, HOUR, -5 * HOUR, 3 * HOUR, 2):
        machine.step(step)
        for _ in range(20):
            machine.advance(0.7)
            readings.append(shown(clock, machine))

    assert readings == sorted(readings)


def test_small_forward_clock_step_is_adopted_immediately(machine: Machine) -> None:
    clock = SystemClock()

    machine.step(SMALL_STEP_SECONDS)

    assert shown(clock, machine) == pytest.approx(SMALL_STEP_SECONDS)


def test_large_forward_clock_step_is_adopted_after_leases_are_renewed(machine: Machine) -> None:
    clock = SystemClock()

    machine.step(HOUR)
    at_once, leased_from = shown(clock, machine), latest(clock, machine)
    machine.advance(FOLLOW_AFTER_SECONDS - 1)
    held = shown(clock, machine)
    machine.advance(1)

    assert at_once == pytest.approx(0)
    assert leased_from == pytest.approx(HOUR)
    assert held == pytest.approx(FOLLOW_AFTER_SECONDS - 1)
    assert shown(clock, machine) == pytest.approx(HOUR + FOLLOW_AFTER_SECONDS)


def test_clock_step_forward_and_back_is_ignored(machine: Machine) -> None:
    clock = SystemClock()

    machine.step(HOUR)
    shown(clock, machine)
    machine.advance(1)
    machine.step(-HOUR)
    shown(clock, machine)
    machine.advance(FOLLOW_AFTER_SECONDS)

    assert shown(clock, machine) == pytest.approx(1 + FOLLOW_AFTER_SECONDS)
