"""The imports of the pytest plugin, and the client without Twilio's library."""

import subprocess
import sys

import pytest

import ringback.testing
from ringback.testing import Account, connect

NEWLY_IMPORTED = """
import sys, pytest
before = set(sys.modules)
import ringback.testing.plugin
print(*sorted(set(sys.modules) - before))
"""


def test_plugin_imports_only_itself_and_its_packages() -> None:
    finished = subprocess.run([sys.executable, "-c", NEWLY_IMPORTED], capture_output=True, text=True, check=True)  # noqa: S603

    assert finished.stdout.split() == ["ringback", "ringback.testing", "ringback.testing.plugin"]


def test_package_exports_its_public_names() -> None:
    promised = {name: getattr(ringback.testing, name) for name in ringback.testing.__all__}

    assert [name for name, thing in promised.items() if thing.__name__ != name] == []
    with pytest.raises(AttributeError, match="has no attribute 'Serve'"):
        ringback.testing.Serve  # noqa: B018


def test_missing_twilio_library_is_reported_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("twilio.rest", "twilio.http.http_client"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "ringback.testing.twilio_client", raising=False)
    shown = {"sid": "AC1", "auth_token": "x", "friendly_name": "", "owner_email": None, "parent_sid": None}

    with (
        connect("http://127.0.0.1:9") as connection,
        pytest.raises(ImportError, match="Install it with: pip install twilio"),
    ):
        Account(connection, shown).client()
