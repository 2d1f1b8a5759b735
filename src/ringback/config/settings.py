"""The settings, and the only reader of the environment."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

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
    plain_text,
)
from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.phones import PhoneBehavior
from ringback.domain.policies import AccountType

ENVIRONMENT_PREFIX = "RINGBACK_"
ENV_FILE = ".env"
AUTHORITY_FOLDER = "ringback-authority"

_DATABASE_URL = re.compile(r"sqlite://(/[^?#]+)?|postgresql\+psycopg://[^#]+")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not listened on


class UnreadableEnvFile(Exception):
    """The ``.env`` file, or the working directory, cannot be read; the message is for the user."""


class Settings(BaseSettings):
    """Each can be given as ``RINGBACK_<NAME>``, as ``ringback serve --<name>``, or in a ``.env`` file."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",  # Windows programs begin UTF-8 files with a byte order mark
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8010, ge=0, le=65_535, description="port to listen on; 0 takes any free one")
    database_url: str = Field("sqlite:///ringback.db", description="where the data are; sqlite:// is memory only")
    database_listen_url: str | None = Field(
        None, description="where PostgreSQL itself is, where database_url leads to a connection pooler"
    )
    workers: int = Field(1, ge=1, le=64, description="how many processes serve; more than one needs PostgreSQL")
    account_sid: AccountSidText = Field(
        "AC00000000000000000000000000000001", description="the account that exists from the start"
    )
    auth_token: Secret = Field("ringbackringbackringbackringback", repr=False, description="its auth token")
    seed: str | None = Field(None, description="a TOML file of accounts, caller IDs and phones to have at the start")
    phone_behavior: PhoneBehavior = Field(PhoneBehavior.ENTER_CODE, description="what a phone without a rule does")
    ring_seconds: Seconds = Field(1.0, description="how long such a phone rings before it is answered")
    key_seconds: Seconds = Field(1.0, description="how long its owner takes to key the code in")
    ring_timeout_seconds: PositiveSeconds = Field(60.0, description="how long a phone rings that nobody answers")
    prompt_timeout_seconds: PositiveSeconds = Field(10.0, description="how long a prompt waits for the code")
    code_attempts: CodeAttempts = Field(3, description="how many prompts for the code a call has")
    code_lifetime_seconds: CodeLifetime | None = Field(
        None, description="how long after the request its code is right; else as long as the call lasts"
    )
    calls_per_number_and_week: CallsAWeek | None = Field(
        None, description="how often a number may be called within seven days; else without limit"
    )
    account_type: AccountType = Field(AccountType.FULL, description="what accounts are; a trial verifies five numbers")
    callback_timeout_seconds: Annotated[PositiveSeconds, Field(le=15)] = Field(
        15.0, description="how long a StatusCallback may take in all, retries included"
    )
    callback_connect_timeout_seconds: Annotated[PositiveSeconds, Field(le=10)] = Field(
        5.0, description="how long connecting to its receiver may take"
    )
    callback_allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)] = Field(
        (), description="the only hosts StatusCallbacks may reach: names, *.example.test, CIDRs, comma-separated"
    )
    callback_host_map: Annotated[dict[str, str], NoDecode, BeforeValidator(comma_separated_pairs)] = Field(
        {}, description="where to really connect: localhost=host.docker.internal,..."
    )
    validation_code_format: ValidationCodeFormat = Field(
        "string", description='JSON form of the validation code, "012345" or 123456'
    )
    number_validation: NumberValidation = Field(
        "valid", description="which numbers are taken, those a carrier may assign or any of a possible length"
    )
    random_seed: int | None = Field(None, description="makes SIDs and codes repeatable")
    control_token: str | None = Field(None, repr=False, description="what /_ringback/ asks for as a bearer token")
    snapshot_limit_mib: int = Field(
        1024, ge=1, le=1_000_000, description="how many MiB a snapshot may have, taken or restored"
    )
    intercept: bool = Field(default=False, description="whether a proxy takes what is meant for api.twilio.com here")
    intercept_host: str = Field("127.0.0.1", description="address that the proxy listens on")
    intercept_port: int = Field(
        8011, ge=0, le=65_535, description="port that the proxy listens on; 0 takes any free one"
    )
    tls_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="port to speak TLS on, besides, under Twilio's names; 443 is where clients ask",
    )
    authority_folder: str | None = Field(
        None, description="where the certificate authority for that is kept; by default beside the database's file"
    )
    log_format: Literal["text", "json"] | None = Field(
        None, description="form of the log; text on a terminal, else json, unless given"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")

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
        """Pass over what Kubernetes sets for a service that is named ringback: ``tcp://10.0.0.1:8010``."""
        made_up = isinstance(value, str) and value.startswith("tcp://")
        return cls.model_fields["port"].default if made_up else value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        if not _DATABASE_URL.fullmatch(value):
            raise ValueError(
                "write sqlite:///path/to/file.db, sqlite:// for memory only, or "
                "postgresql+psycopg://user:password@host/database"
            )
        return value

    @field_validator("database_listen_url")
    @classmethod
    def _database_listen_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if not value.startswith("postgresql+psycopg:") or not _DATABASE_URL.fullmatch(value):
            raise ValueError("postgresql+psycopg://user:password@host/database")
        if info.data.get("database_url", "").startswith("sqlite:"):
            raise ValueError("only a postgresql+psycopg database sends notifications, database_url is another one")
        return value

    @field_validator("workers")
    @classmethod
    def _workers(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and info.data.get("database_url", "").startswith("sqlite:"):
            raise ValueError("more than one needs a postgresql+psycopg database: a file is one process's alone")
        if value > 1 and not hasattr(os, "fork"):
            raise ValueError("this system has no fork: start several servers instead")
        return value

    @field_validator("control_token")
    @classmethod
    def _control_token(cls, value: str | None) -> str | None:
        if value is not None and not _HEADER_VALUE.fullmatch(value):
            raise ValueError("printable ASCII characters, no space at its ends: it is sent in a header")
        return value

    @field_validator("intercept", "tls_port")
    @classmethod
    def _alone(cls, value: object, info: ValidationInfo) -> object:
        if value not in (None, False) and info.data.get("workers", 1) > 1:
            raise ValueError("one worker alone: what is refused is listed in its memory")
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
        return {mapped_host(name): mapped_host(target) for name, target in value.items()}


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return the settings: those that are `given`, the environment's, those of ``.env``, and the defaults.

    Raises pydantic's ValidationError for wrong values, UnreadableEnvFile in one line.
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
        raise UnreadableEnvFile(f"{ENV_FILE}: {error.strerror or error}") from error


def unknown_names() -> list[str]:
    """Return the names in the environment and in ``.env`` that look like settings of ours and are none.

    Names that orchestrators make up (``RINGBACK_SERVICE_HOST``, ``RINGBACK_PORT_8010_TCP``) and those of the test
    suite are not looked at.
    """
    known = {f"{ENVIRONMENT_PREFIX}{name}".upper() for name in Settings.model_fields}
    made_up = re.compile(rf"{ENVIRONMENT_PREFIX}(SERVICE_|PORT_|TEST_|BENCH_|PROXY$)")
    in_file = DotEnvSettingsSource(Settings, case_sensitive=True, env_ignore_empty=False).env_vars
    ours = {name for name in {*os.environ, *in_file} if name.upper().startswith(ENVIRONMENT_PREFIX)}
    return sorted(name for name in ours if name.upper() not in known and not made_up.match(name.upper()))


def is_open_to_others(settings: Settings) -> bool:
    """Tell whether the control API can be used from other machines by whoever reaches it."""
    return settings.control_token is None and not is_loopback(settings.host)


def is_loopback(host: str) -> bool:
    """Tell whether what listens there is for this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def authority_folder(settings: Settings) -> Path:
    """Return where the certificate authority is kept, as an absolute path."""
    if settings.authority_folder:
        return Path(settings.authority_folder).absolute()
    file = settings.database_url.removeprefix("sqlite:///")
    beside = Path(file).parent if file != settings.database_url else Path()
    return (beside / AUTHORITY_FOLDER).absolute()


def base_url(host: str, port: int) -> str:
    """Return the URL at which a client on this machine reaches a server that listens there."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def reachable(host: str) -> str:
    """Return the address at which a client on this machine reaches what listens at `host`."""
    return _EVERY_INTERFACE.get(host, host)
