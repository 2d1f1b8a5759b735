"""Compose files and workflows of the repository and the docs: ports, volumes, paths and commands must be valid."""

import os
import re
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest

from ringback.commands.env import UNRESOLVABLE_REGION
from ringback.config.settings import ENVIRONMENT_PREFIX, Settings
from ringback.domain.twilio_hosts import TWILIO_DOMAIN, Product
from support.code_blocks import ROOT
from support.packaging.compose import COMPOSE_FILES, PAGES, Service, documents, services
from support.packaging.image import environment, final_stage, folders, health_check

SERVICES = services()
RINGBACK_SERVICES = [service for service in SERVICES if service.is_ringback]
SERVING = [service for service in RINGBACK_SERVICES if service.described.get("command", ["serve"])[0] == "serve"]
OTHER_SERVICES = [service for service in SERVICES if not service.is_ringback]
KNOWN = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
PROXY_VARIABLE = "RINGBACK_PROXY"
"""An environment variable of the application, not a setting of the server: the redirect for Node reads it."""
HOST_MACHINE = "host.docker.internal"
TRUSTING = {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"}
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - compared, not listened on
DETERMINED = {
    *("HOST", "PORT", "WORKERS", "DATABASE_URL", "DATABASE_LISTEN_URL", "SEED", "CALLBACK_CA_FILE", "INTERCEPT"),
    *("INTERCEPT_HOST", "INTERCEPT_PORT", "TLS_PORT", "AUTHORITY_FOLDER"),
}
"""Settings that compose.yaml determines: users cannot set them in their environment."""
RETRIES_POSTS = (2, 11, 2)
"""The first version of Caddy that retries a POST on another replica."""
UNHEALTHY_SECONDS = 20


def service_location(service: Service) -> str:
    return service.place


def settings_of(service: Service, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a container, from the environment variables of the image and the service."""
    for name in [name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in (environment() | service.environment).items():
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.setenv(name, value)
    return Settings(_env_file=None)


def siblings(service: Service) -> dict[str, Service]:
    return {other.name: other for other in SERVICES if other.document is service.document}


def test_compose_services_of_all_files_and_pages_are_found() -> None:
    places = {place for place, _ in documents()}

    assert {"compose.yaml", "examples/compose/compose.yaml", "examples/compose/compose.by-name.yaml"} <= places
    assert {"docs/interception.md 1", "docs/quick-start.md 1", "docs/ci.md 1", "docs/ci.md 4"} <= places
    assert len(RINGBACK_SERVICES) >= 9
    assert folders().keys() == {"/data", "/authority"}


@pytest.mark.parametrize("service", RINGBACK_SERVICES, ids=service_location)
def test_container_variables_are_settings_with_valid_values(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of(service, monkeypatch)

    assert {name for name in service.variables if name.startswith(ENVIRONMENT_PREFIX)} <= KNOWN
    assert all(isinstance(value, str | None) for value in service.variables.values())


@pytest.mark.parametrize("service", RINGBACK_SERVICES, ids=service_location)
def test_published_ports_are_reachable_from_outside_the_container(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(service, monkeypatch)
    listening = {settings.port: settings.host, settings.tls_port: settings.host}
    if settings.intercept:
        listening[settings.intercept_port] = settings.intercept_host

    assert [port for _, port in service.ports if listening.get(port) != ALL_ADDRESSES] == []


@pytest.mark.parametrize("service", SERVICES, ids=service_location)
def test_compose_ports_are_published_for_the_local_machine_only(service: Service) -> None:
    is_compose = "jobs" not in service.document

    assert [address for address, _ in service.ports if is_compose and address != "127.0.0.1"] == []


@pytest.mark.parametrize("service", RINGBACK_SERVICES, ids=service_location)
def test_writable_volumes_belong_to_the_services_user(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(service, monkeypatch)
    mounted = {folder for _, folder, is_writable in service.volumes if is_writable}

    assert mounted <= folders().keys()
    assert settings.authority_folder is None or settings.authority_folder in mounted


@pytest.mark.parametrize("service", OTHER_SERVICES, ids=service_location)
def test_service_that_trusts_the_authority_mounts_its_volume(service: Service) -> None:
    trusting = [value for value in service.environment.values() if value.startswith("/authority/")]
    keeping = [
        name
        for other in siblings(service).values()
        for name, folder, is_writable in other.volumes
        if is_writable and folder == other.environment.get("RINGBACK_AUTHORITY_FOLDER")
    ]
    read = [name for name, folder, is_writable in service.volumes if not is_writable and folder == "/authority"]

    assert all(value.endswith(("/bundle.pem", "/authority.pem")) for value in trusting)
    assert not trusting or read == keeping


@pytest.mark.parametrize(
    "service", [other for other in OTHER_SERVICES if TRUSTING & other.environment.keys()], ids=service_location
)
def test_service_that_trusts_the_authority_depends_on_ringback(service: Service) -> None:
    awaited = service.described["depends_on"]

    assert [awaited[other.name]["condition"] for other in siblings(service).values() if other.is_ringback] == [
        "service_healthy"
    ]
    assert service.environment["TWILIO_REGION"] == UNRESOLVABLE_REGION


@pytest.mark.parametrize(
    "service", [service for service in RINGBACK_SERVICES if "networks" in service.described], ids=service_location
)
def test_aliases_name_every_emulated_host(service: Service) -> None:
    aliases = set(service.described["networks"]["default"]["aliases"])
    domains = (TWILIO_DOMAIN, f"{UNRESOLVABLE_REGION}.{TWILIO_DOMAIN}")

    assert {f"{product}.{domain}" for product in Product for domain in domains} - aliases == set()


@pytest.mark.parametrize("service", OTHER_SERVICES, ids=service_location)
def test_proxy_variables_name_a_proxy(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (value for name, value in service.environment.items() if name.upper().endswith("_PROXY")):
        settings = settings_of(siblings(service)[urlsplit(url).hostname or ""], monkeypatch)

        assert (settings.intercept, settings.intercept_host, settings.intercept_port) == (
            True,
            ALL_ADDRESSES,
            urlsplit(url).port,
        )


@pytest.mark.parametrize("service", SERVING, ids=service_location)
def test_callback_hosts_are_mapped_to_reachable_services(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = set(settings_of(service, monkeypatch).callback_host_map.values())
    given = str(service.described.get("extra_hosts", "")) + str(service.described.get("options", ""))
    found = siblings(service).keys() | ({HOST_MACHINE} if f"{HOST_MACHINE}:host-gateway" in given else set())

    assert targets <= found


@pytest.mark.parametrize("service", SERVICES, ids=service_location)
def test_referenced_compose_volumes_and_services_exist(service: Service) -> None:
    named = {name for name, _, _ in service.volumes if not name.startswith((".", "/"))}

    assert named <= (service.document.get("volumes") or {}).keys()
    assert set(service.described.get("depends_on", ())) <= siblings(service).keys()


@pytest.mark.parametrize("service", SERVICES, ids=service_location)
def test_build_folder_has_a_dockerfile(service: Service) -> None:
    folder = service.described.get("build")
    file = ROOT / service.place.partition(":")[0]

    assert folder is None or (file.parent / folder / "Dockerfile").is_file()


@pytest.mark.parametrize("name", ["ringback", "migrate", "ringback-a", "ringback-b"])
def test_compose_file_passes_on_every_setting_that_it_does_not_determine(name: str) -> None:
    [service] = [service for service in SERVICES if service.place == f"compose.yaml: {name}"]
    passed = {
        variable
        for variable, value in service.variables.items()
        if value is None or value.startswith(f"${{{variable}:-")
    }

    assert {variable.removeprefix(ENVIRONMENT_PREFIX) for variable in KNOWN - passed} == DETERMINED


@pytest.mark.parametrize(
    "service",
    [service for service in SERVICES if service.described.get("image", "").startswith("caddy")],
    ids=service_location,
)
def test_load_balancer_is_a_version_of_caddy_that_retries_posts(service: Service) -> None:
    version = re.fullmatch(r"caddy:(\d+)\.(\d+)\.(\d+)-alpine", service.described["image"])

    assert version is not None, "the version is not pinned"
    assert tuple(map(int, version.groups())) >= RETRIES_POSTS


def test_load_balancer_forwards_to_replicas_that_are_up_but_not_ready() -> None:
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")

    assert re.findall(r"^\s*health_uri (\S+)$", caddyfile, re.MULTILINE) == ["/livez"]


@pytest.mark.parametrize(
    "service", [service for service in SERVING if "jobs" not in service.document], ids=service_location
)
def test_container_that_is_not_ready_becomes_unhealthy_within_seconds(service: Service) -> None:
    own = {name: str(value).removesuffix("s") for name, value in service.described.get("healthcheck", {}).items()}
    options = health_check() | {name: int(value) for name, value in own.items()}

    assert (options["interval"] + options["timeout"]) * options["retries"] <= UNHEALTHY_SECONDS


@pytest.mark.parametrize(
    "service", [service for service in OTHER_SERVICES if "build" in service.described], ids=service_location
)
def test_built_service_has_a_health_check(service: Service) -> None:
    folder = (ROOT / service.place.partition(":")[0]).parent / service.described["build"]

    assert re.search(
        r"^HEALTHCHECK .*--start-period=", (folder / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )


@pytest.mark.parametrize(
    "service",
    [service for service in OTHER_SERVICES if service.place.partition(":")[0].endswith("compose.yaml")],
    ids=service_location,
)
def test_service_of_a_compose_file_has_a_health_check(service: Service) -> None:
    assert service.described.keys() & {"healthcheck", "build"} != set()


def test_containers_leave_no_anonymous_volumes() -> None:
    assert [arguments for name, arguments in final_stage() if name == "VOLUME"] == []
    assert [
        volume for service in SERVICES for volume in service.described.get("volumes", ()) if ":" not in volume
    ] == []


@pytest.mark.parametrize("file", [*COMPOSE_FILES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_ringback_variables_in_documents_are_settings(file: object) -> None:
    text = (ROOT / str(file)).read_text(encoding="utf-8")
    named = set(re.findall(r"\bRINGBACK_[A-Z][A-Z0-9_]*\b", text))

    assert {name for name in named - KNOWN - {PROXY_VARIABLE} if not name.startswith("RINGBACK_TEST_")} == set()


def test_workflows_are_complete_and_their_steps_are_valid_shell() -> None:
    blocks: list[dict[Any, Any]] = [document for place, document in documents() if place.startswith("docs/ci.md")]
    workflows = [block for block in blocks if "jobs" in block]
    steps = [step for block in blocks for job in block.get("jobs", {"": block}).values() for step in job["steps"]]
    lines = "\n".join(re.sub(r"\$\{\{.*?\}\}", "x", step["run"]) for step in steps if "run" in step)

    read = subprocess.run(["sh", "-n"], input=lines, text=True, capture_output=True, check=False)  # noqa: S607

    # YAML 1.1 parses the key `on` as true. GitHub does not.
    assert [workflow[True] for workflow in workflows] == [["push"], ["workflow_dispatch"], ["push"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    assert "eval" in lines
    # pytest would otherwise collect ringback's tests in a folder whose name does not begin with a dot
    own = [step["with"]["path"] for step in steps if "path" in step.get("with", {})]
    assert own == [".ringback"]
    assert f"pip install ./{own[0]} " in lines
    assert (read.returncode, read.stderr) == (0, "")
