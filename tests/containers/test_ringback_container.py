"""RingbackContainer on a real Docker engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.core.config import testcontainers_config

from ringback.testing import ServerNotStarted
from ringback.testing.containers import RingbackContainer
from support.code_blocks import docs_page, readme_block
from support.docker.client import Docker
from support.packaging.suites import run_suite
from support.receivers.receiver import CallbackReceiver
from support.servers.seeds import many_caller_ids

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("browser")]

NUMBER = "+14158675309"
TEST = """
def test_suite_stops_at_the_first_error(ringback):
    ringback.phone("+14158675309").will("mistype-once")
    request = ringback.client().validation_requests.create("+14158675309")

    assert ringback.wait_for("call.ended", call_sid=request.call_sid).data["verification_status"] == "failed"
"""


@pytest.fixture(autouse=True)
def engine(docker: Docker, image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Docker]:  # noqa: ARG001 - it must exist
    """Configure Testcontainers to use the engine, without its reaper, which needs another image."""
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", True)
    before = set(docker("ps", "--all", "--quiet").split())
    yield docker
    assert set(docker("ps", "--all", "--quiet").split()) == before


def bridge_address(docker: Docker) -> str:
    """Return the address of this machine that containers reach as host.docker.internal."""
    return docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()


def test_container_sends_callbacks_to_the_host(docker: Docker, tmp_path: Path) -> None:
    seed = tmp_path / "numbers.toml"
    seed.write_text(many_caller_ids(2), encoding="utf-8")
    container = RingbackContainer().with_setting(code_attempts=1, control_token="of the suite").with_seed(seed)

    with CallbackReceiver(host=bridge_address(docker)) as receiver, container:
        [seeded] = [len(account.client().outgoing_caller_ids.list()) for account in container.server.accounts()]
        account = container.account(friendly_name="One test")
        account.phone(NUMBER).will("mistype-once")
        callback = f"http://localhost:{receiver.port}/done"
        account.client().validation_requests.create(NUMBER, status_callback=callback)
        [received] = receiver.wait_for()

    assert seeded == 2
    assert received.form["VerificationStatus"] == "failed"
    assert received.headers["Host"] == f"localhost:{receiver.port}"


def test_documented_fixture_runs_a_suite(docker: Docker, tmp_path: Path) -> None:
    modules = {"conftest.py": readme_block("pytest-container", page=docs_page("testing")), "test_one.py": TEST}
    variables = {"DOCKER_HOST": docker.host, "TESTCONTAINERS_RYUK_DISABLED": "true"}

    finished = run_suite(tmp_path, modules, environment=variables)

    assert (finished.status, finished.tests, finished.failed) == (0, 1, 0), finished.out


def test_documented_calls_start_a_container(docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    (tmp_path / "seed.toml").write_text(many_caller_ids(1), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    exec(readme_block("container-calls", page=docs_page("testing")), {})  # noqa: S102 - as printed


def test_missing_image_raises_an_error_with_a_hint() -> None:
    with pytest.raises(ServerNotStarted, match=r"^ringbock: .*docker build --tag ringback PATH"):
        RingbackContainer("ringbock").start()


def test_exited_container_raises_an_error_with_its_log() -> None:
    with pytest.raises(ServerNotStarted, match=r"its container is exited; its log:\n.*unknown option --ring-second"):
        RingbackContainer().with_setting(ring_second=1).start()
