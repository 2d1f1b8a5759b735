"""The address at which a local client reaches the server, and the configured address that health checks read."""

from pathlib import Path

import pytest

from ringback.config.addresses import base_url, plain_address
from ringback.config.settings import read_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RINGBACK_HOST", "RINGBACK_PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - a value, not a socket
        ("::", "http://[::1]:80"),
        ("2001:db8::1", "http://[2001:db8::1]:80"),
        ("box", "http://box:80"),
    ],
)
def test_server_that_listens_on_all_addresses_has_a_loopback_url(host: str, url: str) -> None:
    assert base_url(host, 80) == url


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"RINGBACK_PORT": "8020"},
        {"ringback_port": "8020", "RINGBACK_HOST": ""},
        {"RINGBACK_HOST": "0.0.0.0", "RINGBACK_PORT": ""},  # noqa: S104 - a value, not a socket
        {"RINGBACK_HOST": "::1"},
    ],
)
def test_plain_address_equals_the_address_in_the_settings(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = read_settings({})

    assert plain_address() == (settings.host, settings.port)


@pytest.mark.parametrize(
    "variables",
    [
        {"RINGBACK_PORT": "eighty"},
        {"RINGBACK_PORT": "65536"},
        {"RINGBACK_PORT": "-1"},
        {"RINGBACK_PORT": "tcp://10.0.0.1:8010"},
        {"RINGBACK_HOST": "a b"},
        {"RINGBACK_HOST": "b\u00fc.test"},
        {"RINGBACK_HOST": "x\udcff"},
    ],
)
def test_plain_address_is_none_if_the_variables_need_validation(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert plain_address() is None


def test_plain_address_is_none_if_there_is_an_env_file(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text("RINGBACK_PORT=8020\n")

    assert plain_address() is None
