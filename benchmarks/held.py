"""Limits the processor time of a process, if the system permits, so that enough remains for other processes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
PERIOD_MICROSECONDS = 10_000
VERSION_1, VERSION_2 = GROUPS / "cpu", GROUPS


@contextmanager
def held(pid: int, share: float) -> Iterator[bool]:
    """Limit a process to `share` of a processor's time. Yields False if that is not possible."""
    quota = round(share * PERIOD_MICROSECONDS)
    is_first = (VERSION_1 / "cpu.shares").exists()
    group = (VERSION_1 if is_first else VERSION_2) / f"ringback-bench-{pid}"
    limits = (
        {"cpu.cfs_period_us": str(PERIOD_MICROSECONDS), "cpu.cfs_quota_us": str(quota)}
        if is_first
        else {"cpu.max": f"{quota} {PERIOD_MICROSECONDS}"}
    )
    try:
        group.mkdir()
        for name, limit in limits.items():
            (group / name).write_text(limit, encoding="ascii")
        (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
    except OSError:
        with suppress(OSError):
            group.rmdir()
        yield False
        return
    try:
        yield True
    finally:
        (group.parent / "cgroup.procs").write_text(str(pid), encoding="ascii")
        group.rmdir()
