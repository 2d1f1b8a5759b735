"""The container image: its commands, variables, user and build context."""

from ringback.config.settings import ENVIRONMENT_PREFIX, Settings
from support.code_blocks import ROOT
from support.packaging.image import build_context, command, environment, final_stage


def test_image_serves_and_checks_its_health_with_tested_commands() -> None:
    assert command("ENTRYPOINT") == ["ringback"]
    assert command("CMD") == ["serve"]
    assert command("HEALTHCHECK") == ["ringback", "ready"]


def test_image_variables_are_settings() -> None:
    settings = {name for name in environment() if name.startswith(ENVIRONMENT_PREFIX)}

    assert settings <= {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert {"RINGBACK_HOST", "RINGBACK_DATABASE_URL"} <= settings


def test_image_does_not_run_as_root() -> None:
    [user] = [arguments for name, arguments in final_stage() if name == "USER"]

    assert int(user.partition(":")[0]) > 0


def test_image_build_context_contains_the_files_it_needs() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert sorted(build_context()) == sorted(line[1:] for line in lines if line.startswith("!"))
