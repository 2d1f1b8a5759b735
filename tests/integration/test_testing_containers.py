"""RingbackContainer of ringback.testing: the container that it creates, and the server in the container."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.core.config import ConnectionMode, testcontainers_config

from ringback.testing import ServerNotStarted
from ringback.testing.containers import RingbackContainer
from support.code_blocks import docs_page, readme_block
from support.packaging.docker_engine import DockerEngine
from support.packaging.suites import run_suite
from support.receivers.receiver import CallbackReceiver
from support.servers.seeds import many_caller_ids

NUMBER = "+14158675309"
SETTINGS_OF_TESTS = ["--database-url=sqlite://", "--ring-seconds=0", "--key-seconds=0"]
HOST_MAP = "--callback-host-map=localhost=host.docker.internal,127.0.0.1=host.docker.internal"
ONE_ATTEMPT = """
def test_suite_stops_at_the_first_error(ringback):
    ringback.phone("+14158675309").will("mistype-once")
    request = ringback.client().validation_requests.create("+14158675309")

    assert ringback.wait_for("call.ended", call_sid=request.call_sid).data["verification_status"] == "failed"
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerEngine]:
    """Run a stub of the Docker Engine, and configure Testcontainers to use it without its reaper.

    The connection mode is set, because Testcontainers chooses another one if the tests run in a container.
    """
    with DockerEngine(tmp_path) as running:
        monkeypatch.setenv("DOCKER_HOST", running.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", True)
        monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
        yield running


def test_server_in_a_container_is_used_like_a_local_server(engine: DockerEngine, tmp_path: Path) -> None:
    seed = tmp_path / "numbers.toml"
    seed.write_text(many_caller_ids(2), encoding="utf-8")
    container = RingbackContainer().with_setting(code_attempts=1, control_token="of the suite").with_seed(seed)

    with CallbackReceiver() as receiver, container:
        seeded = [len(account.client().outgoing_caller_ids.list()) for account in container.server.accounts()]
        account = container.account(friendly_name="One test")
        account.phone(NUMBER).will("mistype-once")
        account.client().validation_requests.create(
            NUMBER, status_callback=receiver.url.replace("127.0.0.1", "localhost")
        )
        [received] = receiver.wait_for()

    assert seeded == [2]
    assert received.form["VerificationStatus"] == "failed"
    assert received.headers["Host"].startswith("localhost:")
    assert engine.removed == set(engine.containers)


def test_documented_conftest_creates_accounts_in_a_container(engine: DockerEngine, tmp_path: Path) -> None:
    modules = {"conftest.py": readme_block("pytest-container", page=docs_page("testing")), "test_one.py": ONE_ATTEMPT}
    alone = {"TESTCONTAINERS_RYUK_DISABLED": "true", "TESTCONTAINERS_CONNECTION_MODE": "docker_host"}

    finished = run_suite(tmp_path, modules, environment=alone)

    assert (finished.status, finished.tests, finished.failed) == (0, 1, 0), finished.out
    assert len(engine.removed) == 1


def test_container_that_exits_raises_an_error_with_its_log(engine: DockerEngine) -> None:
    container = RingbackContainer(name="ours").with_env("RINGBACK_LOG_LEVEL", "debug")
    container.with_kwargs(extra_hosts={"db": "10.0.0.1"}, mem_limit="1g")
    container.with_setting(callback_allowed_hosts=["a.test", "b.test"], ring_second=1)

    with pytest.raises(ServerNotStarted, match=r"its container is exited; its log:\n.*unknown option --ring-second"):
        container.start()

    [run] = engine.containers.values()
    others = ["--callback-allowed-hosts=a.test,b.test", "--ring-second=1"]
    assert run.wanted["Image"] == "ringback"
    assert run.wanted["Cmd"] == ["serve", *SETTINGS_OF_TESTS, HOST_MAP, *others]
    assert run.wanted["Env"] == ["RINGBACK_LOG_LEVEL=debug"]
    assert run.wanted["ExposedPorts"] == {"8010/tcp": {}}
    assert sorted(run.wanted["HostConfig"]["ExtraHosts"]) == ["db:10.0.0.1", "host.docker.internal:host-gateway"]
    assert run.wanted["HostConfig"]["Memory"] == 1024**3
    assert engine.removed == {run.id}


def test_missing_image_raises_an_error_with_a_hint(engine: DockerEngine) -> None:
    with pytest.raises(ServerNotStarted, match=r"^ringbock: .*docker build --tag ringback PATH"):
        RingbackContainer("ringbock").start()

    assert engine.containers == {}


def test_missing_image_without_a_registry_raises_an_error_with_a_hint(engine: DockerEngine) -> None:
    engine.pull_error = "Get https://registry.example.test/v2/: no such host"

    with pytest.raises(ServerNotStarted, match=r"^ringbock: .*no such host; build the image first"):
        RingbackContainer("ringbock").start()


def test_port_in_use_is_reported_with_the_message_of_docker(engine: DockerEngine) -> None:
    engine.refusal = "driver failed: Bind for 127.0.0.1:8010 failed: port is already allocated"

    container = RingbackContainer().with_bind_ports(8010, 8010)
    with pytest.raises(ServerNotStarted) as failure:
        container.start()
    container.stop()

    assert str(failure.value) == f"ringback: {engine.refusal}"
    assert engine.removed == set(engine.containers)


@pytest.mark.usefixtures("engine")
def test_missing_engine_is_reported_with_the_message_of_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(
        ServerNotStarted, match=r"^cannot use the Docker Engine: .*(?s:refused.*)start the Docker Engine"
    ):
        RingbackContainer()


@pytest.mark.usefixtures("engine")
def test_container_that_docker_removes_when_it_exits_raises_an_error() -> None:
    container = RingbackContainer().with_kwargs(auto_remove=True).with_setting(ring_second=1)

    with pytest.raises(ServerNotStarted, match=r"its container is removed; its log: empty$"):
        container.start()


@pytest.mark.parametrize("name", ["host", "port", "seed"])
@pytest.mark.usefixtures("engine")
def test_reserved_setting_of_a_container_raises_an_error(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: not allowed for a container"):
        RingbackContainer().with_setting(**{name: "1"})


@pytest.mark.usefixtures("engine")
def test_unreadable_seed_file_raises_an_error_before_the_container_starts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RingbackContainer().with_seed(tmp_path / "none.toml")


def test_missing_testcontainers_is_reported_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "testcontainers.core.container", None)
    monkeypatch.delitem(sys.modules, "ringback.testing.containers")

    with pytest.raises(ImportError, match=r"pip install 'ringback\[testcontainers\]'"):
        import ringback.testing.containers  # noqa: F401, PLC0415
