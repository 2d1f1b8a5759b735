"""The settings: sources, valid values, and errors about invalid ones."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from ringback.commands.main import main
from ringback.config.settings import Settings, is_open_to_others, unknown_names
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import AccountType, LongFriendlyName, SecondRequest, SignedPort

WRONG_VALUES = {
    "port": ["-1", "65536", "http", "1.5"],
    "database_url": ["mysql://x", "sqlite:", "sqlite:///a?b=c", "x"],
    "account_sid": ["AC1", "PN" + "0" * 32, "AC" + "A" * 32],
    "auth_token": ["x" * 65],
    "phone_behavior": ["sleep", "BUSY"],
    "ring_seconds": ["-1", "nan", "inf", "86401", "x"],
    "key_seconds": ["-0.1", "soon"],
    "ring_timeout_seconds": ["0", "-1", "inf"],
    "prompt_timeout_seconds": ["0", "nan"],
    "code_attempts": ["0", "101", "1.5"],
    "code_lifetime_seconds": ["0", "86401", "inf", "soon"],
    "calls_per_number_and_week": ["0", "1001", "2.5", "many"],
    "account_type": ["Trial", "free"],
    "long_friendly_name": ["cut", "Truncate"],
    "second_request": ["Both", "ignore"],
    "callback_timeout_seconds": ["0", "15.1"],
    "callback_connect_timeout_seconds": ["0", "10.1"],
    "callback_allowed_hosts": ["a b", "10.0.0.0/99", "ok.test,*", "http://app.test", "app.*.test", "-a"],
    "callback_host_map": [
        *("localhost", "=x", "x=", "a=b,c", "a=b c", "a=b:80", "a=[::1]:80", "a=b/c", "a=:::"),
        *(
            "a=https://b:80",
            "a=http://b/c",
            "a=http://u@b:80",
            "a=http://b:0",
            "a=http://b:65536",
            "a=http://b:x",
            "a=http://",
        ),
        *("a b=c", "a:80=b", "*.a=b", "http://a=b", "bücher.test=b"),
    ],
    "callback_ca_file": ["missing.pem", ".", "app.txt"],
    "callback_signed_port": ["kept", "443"],
    "validation_code_format": ["float"],
    "number_validation": ["any"],
    "random_seed": ["x", "1.5"],
    "snapshot_limit_mib": ["0", "-1", "1000001", "1.5"],
    "log_format": ["xml"],
    "log_level": ["loud"],
}
WRONG = [(name, value) for name, values in WRONG_VALUES.items() for value in values]


@pytest.fixture(autouse=True)
def _only_settings_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RINGBACK_{name.upper()}", raising=False)


def test_default_settings_are_the_documented_ones() -> None:
    assert Settings().model_dump() == {
        "host": "127.0.0.1",
        "port": 8010,
        "database_url": "sqlite:///ringback.db",
        "database_listen_url": None,
        "workers": 1,
        "account_sid": "AC00000000000000000000000000000001",
        "auth_token": "feedfacefeedfacefeedfacefeedface",
        "seed": None,
        "phone_behavior": PhoneBehavior.ENTER_CODE,
        "ring_seconds": 1.0,
        "key_seconds": 1.0,
        "ring_timeout_seconds": 60.0,
        "prompt_timeout_seconds": 10.0,
        "code_attempts": 3,
        "code_lifetime_seconds": None,
        "calls_per_number_and_week": None,
        "account_type": AccountType.FULL,
        "long_friendly_name": LongFriendlyName.REJECT,
        "second_request": SecondRequest.SUPERSEDE,
        "callback_timeout_seconds": 15.0,
        "callback_connect_timeout_seconds": 5.0,
        "callback_allowed_hosts": (),
        "callback_host_map": {},
        "callback_ca_file": None,
        "callback_signed_port": SignedPort.AS_GIVEN,
        "validation_code_format": "string",
        "number_validation": "valid",
        "random_seed": None,
        "control_token": None,
        "snapshot_limit_mib": 1024,
        "intercept": False,
        "intercept_host": "127.0.0.1",
        "intercept_port": 8011,
        "tls_port": None,
        "authority_folder": None,
        "log_format": None,
        "log_level": "info",
    }


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_PORT", "0")
    monkeypatch.setenv("ringback_ring_seconds", "0.5")
    monkeypatch.setenv("RINGBACK_CALLBACK_ALLOWED_HOSTS", " app.test , *.example.test,10.0.0.0/8,fe80::/10,127.0.0.1,,")
    monkeypatch.setenv("RINGBACK_CALLBACK_HOST_MAP", "localhost = host.docker.internal, a=b")

    settings = Settings()

    assert (settings.port, settings.ring_seconds) == (0, 0.5)
    assert settings.callback_allowed_hosts == ("app.test", "*.example.test", "10.0.0.0/8", "fe80::/10", "127.0.0.1")
    assert settings.callback_host_map == {"localhost": "host.docker.internal", "a": "b"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("app.test=host.docker.internal", {"app.test": "host.docker.internal"}),
        ("app_1=127.0.0.1,127.0.0.2=app_1.", {"app_1": "127.0.0.1", "127.0.0.2": "app_1."}),
        ("a=http://127.0.0.1:8000,b=http://c", {"a": "http://127.0.0.1:8000", "b": "http://c:80"}),
        ("a=HTTP://[::1]:8000/", {"a": "http://[::1]:8000"}),
        ("a=::1,b=[::1],[2001:db8::1]=c", {"a": "::1", "b": "::1", "2001:db8::1": "c"}),
    ],
)
def test_callback_hosts_can_be_mapped_to_names_and_addresses(
    monkeypatch: pytest.MonkeyPatch, written: str, read: dict[str, str]
) -> None:
    monkeypatch.setenv("RINGBACK_CALLBACK_HOST_MAP", written)

    assert Settings().callback_host_map == read


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a=http://b:80/c", "http://b:80/c: a target has no path; write http://host:port"),
        ("foo", "must be name=target,name=target; a target is a host or http://host:port"),
    ],
)
def test_invalid_host_map_is_refused_with_the_form_of_a_target(
    monkeypatch: pytest.MonkeyPatch, written: str, message: str
) -> None:
    monkeypatch.setenv("RINGBACK_CALLBACK_HOST_MAP", written)

    with pytest.raises(ValidationError, match=re.escape(message)):
        Settings()


@pytest.mark.parametrize(
    "content", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\u00e9"]
)
def test_ca_file_without_a_certificate_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(content, encoding="utf-8")

    with pytest.raises(ValidationError, match=r"ca\.pem has no valid certificate in PEM format"):
        Settings(callback_ca_file="ca.pem")


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_PORT", "")

    assert Settings().port == 8010


def test_environment_takes_precedence_over_the_dotenv_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RINGBACK_PORT=1\nRINGBACK_HOST=0.0.0.0\nUNRELATED=x\n")
    monkeypatch.setenv("RINGBACK_PORT", "2")

    settings = Settings()

    assert (settings.port, settings.host) == (2, "0.0.0.0")  # noqa: S104 - a value, not a socket


def test_explicit_settings_override_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_PORT", "2")

    assert Settings(port=3).port == 3


@pytest.mark.parametrize("behavior", PhoneBehavior)
def test_every_behavior_can_be_the_default(behavior: PhoneBehavior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_PHONE_BEHAVIOR", behavior.value)

    assert Settings().phone_behavior == behavior


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///ringback.db", "sqlite:////var/lib/ringback.db", "sqlite:///:memory:"]
)
def test_database_url_may_name_a_file_or_a_database_in_memory(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_DATABASE_URL", url)

    assert Settings().database_url == url


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_invalid_value_in_the_environment_is_rejected_with_its_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RINGBACK_{name.upper()}", value)

    with pytest.raises(ValidationError) as refusal:
        Settings()

    assert [error["loc"][0] for error in refusal.value.errors()] == [name]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_unknown_option_is_reported_with_its_name_and_exit_status_2(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["serve", f"--{name.replace('_', '-')}={value}"])

    [line] = capsys.readouterr().err.splitlines()
    assert status == 2
    assert name in line.lower().replace("-", "_")


def test_empty_auth_token_is_refused() -> None:
    with pytest.raises(ValidationError, match="auth_token"):
        Settings(auth_token="")


def test_settings_are_options_of_serve_in_both_spellings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["serve", "--help"])

    text = capsys.readouterr().out
    assert end.value.code == 0
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')} " in text
        assert f"--{name} " in text
        assert f"RINGBACK_{name.upper()};" in text


def test_secrets_are_not_in_the_repr_of_settings() -> None:
    shown = repr(Settings(auth_token="a-secret", control_token="another"))

    assert "a-secret" not in shown
    assert "another" not in shown


def test_unknown_names_with_the_prefix_of_settings_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = ["RINGBACK_PROT", "ringback_hots", "RINGBACK_"]
    known = ["RINGBACK_PORT", "ringback_host"]
    not_ours = ["PATH", "XRINGBACK_A", "RINGBACK_TEST_X", "RINGBACK_BENCH_X"]
    an_orchestrators = ["RINGBACK_SERVICE_HOST", "RINGBACK_PORT_8010_TCP"]
    monkeypatch.setattr("os.environ", dict.fromkeys([*wrong, *known, *not_ours, *an_orchestrators], "x"))
    (tmp_path / ".env").write_text("RINGBACK_PROT=1\nexport ringback_sed=\nRINGBACK_SEED=x\nOTHER=x\n")

    assert unknown_names() == ["RINGBACK_", "RINGBACK_PROT", "ringback_hots", "ringback_sed"]


def test_variables_that_orchestrators_generate_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("RINGBACK_PORT_8010_TCP", "tcp://10.0.0.1:8010")

    assert Settings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "control_token", "open_to_others"),
    [
        ("127.0.0.1", None, False),
        ("127.9.9.9", None, False),
        ("::1", None, False),
        ("localhost", None, False),
        ("0.0.0.0", None, True),  # noqa: S104 - this is the point
        ("::", None, True),
        ("example.test", None, True),
        ("0.0.0.0", "secret", False),  # noqa: S104
    ],
)
def test_address_open_to_other_machines_without_a_control_token_is_recognized(
    host: str, control_token: str | None, *, open_to_others: bool
) -> None:
    assert is_open_to_others(Settings(host=host, control_token=control_token)) is open_to_others


@pytest.mark.parametrize("token", ["caf\u00e9", " a", "a ", "", "a\nb", "a\x7f"])
def test_control_token_that_is_invalid_in_a_header_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="printable ASCII"):
        Settings(control_token=token)


def test_control_token_may_contain_spaces() -> None:
    assert Settings(control_token="let me in ~!").control_token == "let me in ~!"
