"""The settings of interception: their combinations, and the folder of the certificate authority."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ringback.config.settings import Settings, authority_folder


@pytest.mark.parametrize("name", ["intercept", "tls_port"])
def test_interception_needs_one_worker(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("RINGBACK_DATABASE_URL", "postgresql+psycopg://x@y/z")
    monkeypatch.setenv("RINGBACK_WORKERS", "2")
    monkeypatch.setenv(f"RINGBACK_{name.upper()}", "1")

    with pytest.raises(ValidationError, match="interception needs workers = 1"):
        Settings()


@pytest.mark.parametrize(
    ("database_url", "folder", "expected"),
    [
        ("sqlite:///ringback.db", None, "{here}/ringback-authority"),
        ("sqlite:///data/x.db", None, "{here}/data/ringback-authority"),
        ("sqlite:////data/ringback.db", None, "/data/ringback-authority"),
        ("sqlite://", None, "{here}/ringback-authority"),
        ("postgresql+psycopg://x@y/z", None, "{here}/ringback-authority"),
        ("sqlite:////data/ringback.db", "trust", "{here}/trust"),
    ],
)
def test_authority_folder_is_next_to_the_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, folder: str | None, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = Settings(database_url=database_url, authority_folder=folder)

    assert str(authority_folder(settings)) == expected.format(here=tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("intercept", "perhaps"),
        ("intercept_port", "-1"),
        ("intercept_port", "65536"),
        ("tls_port", "x"),
        ("tls_port", "-1"),
    ],
)
def test_invalid_interception_setting_is_reported_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RINGBACK_{name.upper()}", value)

    with pytest.raises(ValidationError) as raised:
        Settings()

    assert [details["loc"] for details in raised.value.errors()] == [(name,)]
