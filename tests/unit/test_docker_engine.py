"""The Docker engine of the tests, with a program in place of dockerd: its failures leave nothing behind."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from support.code_blocks import ROOT
from support.docker import base_images, engine
from support.docker.client import DockerError, copy_config
from support.docker.engine import Engine, running_engine
from support.docker.programs import EngineUnavailable
from support.servers.server import STOP_SECONDS
from support.waiting import eventually

DAEMON = "#!/bin/sh\necho $$ > {pidfile}\nexec sleep 600\n"
SKIPS_IN_CI = re.compile(r"grep -iE '(\^SKIPPED .*)' \"\$log\"")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an engine whose daemon is a program that only waits, on any machine."""
    folder = tmp_path / "engine"
    (folder / "bin").mkdir(parents=True)
    daemon = folder / "bin" / "dockerd"
    daemon.write_text(DAEMON.format(pidfile=folder / "docker.pid"), encoding="utf-8")
    daemon.chmod(0o755)
    monkeypatch.setattr(engine, "_check_machine", lambda: None)
    monkeypatch.setattr(engine, "run", lambda *_command: "")
    monkeypatch.setattr(Engine, "_answers", lambda _engine: (folder / "docker.pid").exists())
    monkeypatch.setattr(Engine, "_remove_containers", lambda _engine: None)
    return folder


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the base images fail, and return a list that gets the process ID of the daemon which runs then."""
    started: list[int] = []

    def provide(_docker: object, folder: Path) -> None:
        started.append(int((folder / "docker.pid").read_text()))
        raise error

    monkeypatch.setattr(base_images, "provide", provide)
    return started


@pytest.mark.parametrize("error", [RuntimeError("a bug"), DockerError("refused"), EngineUnavailable("no mirror")])
def test_engine_that_fails_to_start_leaves_no_daemon_and_no_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    started = fail_with(error, monkeypatch)

    with pytest.raises((RuntimeError, EngineUnavailable), match=str(error)), running_engine(folder):
        pass

    assert [process_id for process_id in started if engine.is_running(process_id)] == []
    assert len(started) == 1
    assert not folder.exists()


def test_failed_unmount_does_not_hide_the_original_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: object) -> str:
        if "umount" in command:
            raise EngineUnavailable("umount failed: busy")
        return ""

    fail_with(DockerError("no space left"), monkeypatch)
    monkeypatch.setattr(engine, "run", fail)
    monkeypatch.setattr(engine, "_mounted_below", lambda folder: [f"{folder}/data/overlay"])

    with pytest.raises(EngineUnavailable, match=r"no Docker engine: no space left; .*umount failed: busy"):
        Engine(folder).start()


def test_ci_rejects_every_test_skipped_because_the_engine_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(EngineUnavailable("debootstrap failed: no mirror"), monkeypatch)
    [pattern] = SKIPS_IN_CI.findall((ROOT / ".ci" / "run").read_text(encoding="utf-8"))

    with pytest.raises(EngineUnavailable) as raised:
        Engine(folder).start()

    line = f"SKIPPED [1] tests/containers/conftest.py:30: {raised.value}"
    assert subprocess.run(["grep", "-iE", pattern], input=line, text=True, check=False).returncode == 0  # noqa: S603, S607


def test_process_that_reuses_the_id_in_an_old_pid_file_is_not_stopped(folder: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:  # noqa: S607
        (folder / "docker.pid").write_text(f"{other.pid}\n", encoding="utf-8")

        Engine(folder).stop()

        assert engine.is_running(other.pid)
        other.terminate()


def test_daemon_started_by_another_process_is_stopped(folder: Path) -> None:
    daemon = ["sh", "-c", "read line", f"--pidfile={folder}/docker.pid"]
    with subprocess.Popen(daemon, stdin=subprocess.PIPE) as running:  # noqa: S603
        (folder / "docker.pid").write_text(f"{running.pid}\n", encoding="utf-8")
        eventually(Path(f"/proc/{running.pid}/cmdline").read_bytes, what="the arguments of the process")

        Engine(folder).stop()

        assert running.wait(STOP_SECONDS) != 0


def test_docker_configuration_is_copied_without_credentials(tmp_path: Path) -> None:
    source, copied = tmp_path / "source", tmp_path / "copy"
    (source / "cli-plugins").mkdir(parents=True)
    copied.mkdir()
    config = {"auths": {"registry.example.com": {"auth": "c2VjcmV0"}}, "credsStore": "pass", "proxies": {"default": {}}}
    (source / "config.json").write_text(json.dumps(config), encoding="utf-8")

    copy_config(source, copied)

    assert json.loads((copied / "config.json").read_text(encoding="utf-8")) == {"proxies": {"default": {}}}
    assert (copied / "cli-plugins").is_dir()
