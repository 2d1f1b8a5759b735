"""Seed files for tests."""

from support.servers.server import ACCOUNT_SID


def many_caller_ids(count: int) -> str:
    """Return a seed file with `count` caller IDs of the default account, each created a second after the one before."""
    lines = ["[[accounts]]", f'sid = "{ACCOUNT_SID}"']
    for position in range(count):
        lines += [
            "[[accounts.caller_ids]]",
            f'phone_number = "{number_at(position)}"',
            f'friendly_name = "number {position}"',
            f"date_created = 2026-01-02T03:{position // 60:02d}:{position % 60:02d}Z",
        ]
    return "\n".join(lines) + "\n"


def number_at(position: int) -> str:
    """Return one of a thousand valid numbers."""
    return f"+1415867{5000 + position}"
