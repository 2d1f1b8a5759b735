"""The settings. No other module reads the environment for them, except `addresses` for health checks."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from ringback.config.addresses import DEFAULT_HOST, DEFAULT_PORT, ENV_FILE
from ringback.config.validators import (
    HOST_NAME,
    AccountSidText,
    CallsAWeek,
    CodeAttempts,
    CodeLifetime,
    PositiveSeconds,
    Seconds,
    Secret,
    comma_separated,
    comma_separated_pairs,
    listening_host,
    mapped_host,
    mapped_target,
    plain_text,
    trusted_certificates,
)
from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import AccountType, LongFriendlyName, SecondRequest, SignedPort

ENVIRONMENT_PREFIX = "RINGBACK_"
AUTHORITY_FOLDER = "ringback-authority"

_DATABASE_URL = re.compile(r"sqlite://(/[^?#]+)?|postgresql\+psycopg://[^#]+")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


class UnreadableEnvFile(Exception):
    """The ``.env`` file, or the working directory, cannot be read; the message is for the user."""


class Settings(BaseSettings):
    """The settings, each from ``ringback serve --<name>``, the variable ``RINGBACK_<NAME>`` or a ``.env`` file."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",  # Windows programs write a byte order mark at the start of UTF-8 files
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    host: str = Field(DEFAULT_HOST, description="address to listen on")
    port: int = Field(DEFAULT_PORT, ge=0, le=65_535, description="port to listen on; 0 chooses a free port")
    database_url: str = Field("sqlite:///ringback.db", description="database URL; sqlite:// keeps everything in memory")
    database_listen_url: str | None = Field(
        None, description="URL that bypasses the connection pooler, if database_url points to one"
    )
    workers: int = Field(1, ge=1, le=64, description="number of worker processes; more than one needs PostgreSQL")
    account_sid: AccountSidText = Field("AC00000000000000000000000000000001", description="SID of the default account")
    auth_token: Secret = Field("feedfacefeedfacefeedfacefeedface", repr=False, description="its primary auth token")
    seed: str | None = Field(None, description="TOML file with the initial accounts, caller IDs and phones")
    phone_behavior: PhoneBehavior = Field(PhoneBehavior.ENTER_CODE, description="behavior of a phone without a rule")
    ring_seconds: Seconds = Field(1.0, description="how long a phone without a rule rings before it is answered")
    key_seconds: Seconds = Field(1.0, description="how long the callee takes to key in the code")
    ring_timeout_seconds: PositiveSeconds = Field(60.0, description="how long an unanswered phone rings")
    prompt_timeout_seconds: PositiveSeconds = Field(10.0, description="how long a prompt waits for the code")
    code_attempts: CodeAttempts = Field(3, description="number of prompts for the code in a call")
    code_lifetime_seconds: CodeLifetime | None = Field(
        None, description="how long a code is valid after its request; by default until the call ends"
    )
    calls_per_number_and_week: CallsAWeek | None = Field(
        None, description="how often a number may be called within seven days; unlimited by default"
    )
    account_type: AccountType = Field(
        AccountType.FULL, description="type of the accounts; a trial account cannot verify numbers through the API"
    )
    long_friendly_name: LongFriendlyName = Field(
        LongFriendlyName.REJECT,
        description="whether a FriendlyName of more than 64 characters is rejected or truncated",
    )
    second_request: SecondRequest = Field(
        SecondRequest.SUPERSEDE,
        description="effect of a request for a number that is being called: end that call, be refused, or call again",
    )
    callback_timeout_seconds: Annotated[PositiveSeconds, Field(le=15)] = Field(
        15.0, description="time limit of a StatusCallback, including retries"
    )
    callback_connect_timeout_seconds: Annotated[PositiveSeconds, Field(le=10)] = Field(
        5.0, description="time limit for connecting to the receiver"
    )
    callback_allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)] = Field(
        (), description="the only hosts that StatusCallbacks may reach: names, *.example.test, CIDRs, comma-separated"
    )
    callback_host_map: Annotated[dict[str, str], NoDecode, BeforeValidator(comma_separated_pairs)] = Field(
        {},
        description="hosts and their replacements: localhost=host.docker.internal,app.example.com=http://127.0.0.1:8000",
    )
    callback_ca_file: str | None = Field(
        None, description="PEM file of additional certificate authorities that receivers of StatusCallbacks may use"
    )
    callback_signed_port: SignedPort = Field(
        SignedPort.AS_GIVEN, description="whether the signature of an https callback URL covers its port"
    )
    validation_code_format: ValidationCodeFormat = Field(
        "string", description='JSON type of the validation code, "012345" or 123456'
    )
    number_validation: NumberValidation = Field(
        "valid", description="which numbers are accepted: those that a carrier may assign, or all of a possible length"
    )
    random_seed: int | None = Field(None, description="integer that makes SIDs and codes repeatable")
    control_token: str | None = Field(None, repr=False, description="bearer token that /_ringback/ requires")
    snapshot_limit_mib: int = Field(1024, ge=1, le=1_000_000, description="maximum size of a snapshot in MiB")
    intercept: bool = Field(
        default=False, description="whether to open the proxy that sends requests for Twilio to ringback"
    )
    intercept_host: str = Field("127.0.0.1", description="address that the proxy listens on")
    intercept_port: int = Field(
        8011, ge=0, le=65_535, description="port that the proxy listens on; 0 chooses a free port"
    )
    tls_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="port on which the server also accepts TLS, under Twilio's host names; clients use 443",
    )
    authority_folder: str | None = Field(
        None, description="folder of the certificate authority; by default next to the database file"
    )
    log_format: Literal["text", "json"] | None = Field(
        None, description="format of the log; by default text on a terminal, otherwise json"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level that is logged")

    @field_validator("*", mode="before")
    @classmethod
    def _plain_text(cls, value: object) -> object:
        return plain_text(value)

    @field_validator("host", "intercept_host")
    @classmethod
    def _listening_host(cls, value: str) -> str:
        return listening_host(value)

    @field_validator("port", mode="before")
    @classmethod
    def _port(cls, value: object) -> object:
        """Ignore the variable that Kubernetes sets for a service named ringback: ``tcp://10.0.0.1:8010``."""
        is_from_kubernetes = isinstance(value, str) and value.startswith("tcp://")
        return cls.model_fields["port"].default if is_from_kubernetes else value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        if not _DATABASE_URL.fullmatch(value):
            raise ValueError(
                "must be sqlite:///path/to/file.db, sqlite:// for memory only, or "
                "postgresql+psycopg://user:password@host/database"
            )
        return value

    @field_validator("database_listen_url")
    @classmethod
    def _database_listen_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if not value.startswith("postgresql+psycopg:") or not _DATABASE_URL.fullmatch(value):
            raise ValueError("must be postgresql+psycopg://user:password@host/database")
        if info.data.get("database_url", "").startswith("sqlite:"):
            raise ValueError("database_url must be a postgresql+psycopg URL too: SQLite sends no notifications")
        return value

    @field_validator("workers")
    @classmethod
    def _workers(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and info.data.get("database_url", "").startswith("sqlite:"):
            raise ValueError(
                "more than one needs a postgresql+psycopg database: only one process can use a database file"
            )
        if value > 1 and not hasattr(os, "fork"):
            raise ValueError("this system cannot fork processes: start several servers instead")
        return value

    @field_validator("control_token")
    @classmethod
    def _control_token(cls, value: str | None) -> str | None:
        if value is not None and not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                "must be printable ASCII without leading or trailing spaces: the token is sent in a header"
            )
        return value

    @field_validator("intercept", "tls_port")
    @classmethod
    def _one_worker(cls, value: object, info: ValidationInfo) -> object:
        if value not in (None, False) and info.data.get("workers", 1) > 1:
            raise ValueError("interception needs workers = 1: the list of refused requests is kept in memory")
        return value

    @field_validator("callback_allowed_hosts")
    @classmethod
    def _allowed_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not HOST_NAME.fullmatch(host.removeprefix("*.")):
                try:
                    ip_network(host, strict=False)
                except ValueError:
                    raise ValueError(f"{host} is not a host name, a *.pattern or a CIDR") from None
        return value

    @field_validator("callback_host_map")
    @classmethod
    def _host_map(cls, value: dict[str, str]) -> dict[str, str]:
        return {mapped_host(name): mapped_target(target) for name, target in value.items()}

    @field_validator("callback_ca_file")
    @classmethod
    def _ca_file(cls, value: str | None) -> str | None:
        trusted_certificates(value)
        return value


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return the settings from `given`, the environment, ``.env`` and the defaults, in this order of precedence.

    Raises pydantic's ValidationError for invalid values, and UnreadableEnvFile with a one-line message.
    """
    try:
        Path.cwd()
    except OSError as error:
        hint = "change to a directory that exists"
        raise UnreadableEnvFile(f"the working directory cannot be used ({error.strerror}): {hint}") from error
    try:
        return Settings(**given)
    except UnicodeDecodeError as error:
        raise UnreadableEnvFile(f"{ENV_FILE} is not UTF-8: {error.reason} at byte {error.start}") from error
    except OSError as error:
        if not os.access(".", os.X_OK):
            hint = "allow this user to read it, or run ringback as another user or in another directory"
            raise UnreadableEnvFile(
                f"the working directory {Path.cwd()} cannot be used ({error.strerror}): {hint}"
            ) from error
        raise UnreadableEnvFile(f"{ENV_FILE}: {error.strerror or error}") from error


def unknown_names() -> list[str]:
    """Return the names in the environment and in ``.env`` that have the prefix of settings but are not settings.

    Names that orchestrators generate (``RINGBACK_SERVICE_HOST``, ``RINGBACK_PORT_8010_TCP``) and names that the test
    suite uses are ignored.
    """
    known = {f"{ENVIRONMENT_PREFIX}{name}".upper() for name in Settings.model_fields}
    ignored = re.compile(rf"{ENVIRONMENT_PREFIX}(SERVICE_|PORT_|TEST_|BENCH_|PROXY$)")
    in_file = DotEnvSettingsSource(Settings, case_sensitive=True, env_ignore_empty=False).env_vars
    prefixed = {name for name in {*os.environ, *in_file} if name.upper().startswith(ENVIRONMENT_PREFIX)}
    return sorted(name for name in prefixed if name.upper() not in known and not ignored.match(name.upper()))


def is_open_to_others(settings: Settings) -> bool:
    """Return whether other machines can use the control API without a token."""
    return settings.control_token is None and not is_loopback(settings.host)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to a listener at `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def authority_folder(settings: Settings) -> Path:
    """Return the absolute path of the certificate authority's folder."""
    if settings.authority_folder:
        return Path(settings.authority_folder).absolute()
    file = settings.database_url.removeprefix("sqlite:///")
    folder = Path(file).parent if file != settings.database_url else Path()
    return (folder / AUTHORITY_FOLDER).absolute()
