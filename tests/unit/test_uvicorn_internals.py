"""The check that the installed uvicorn has the undocumented names that the server uses."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from ringback.server import http_protocol, transports, uvicorn_server
from ringback.server.uvicorn_internals import INTERNALS, LOWEST_VERSION, IncompatibleUvicorn, check_uvicorn
from support.servers.command import Command

PROTOCOL = "uvicorn.protocols.http.httptools_impl.HttpToolsProtocol"
CYCLE = "uvicorn.protocols.http.httptools_impl.RequestResponseCycle"
FLOW_CONTROL = "uvicorn.protocols.http.flow_control.FlowControl"
SERVER = "uvicorn.server.Server"
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Nothing:
    """A class without any of uvicorn's names."""


def test_installed_uvicorn_has_all_required_names() -> None:
    check_uvicorn()


@pytest.mark.parametrize("path", INTERNALS)
def test_each_missing_name_is_reported(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, Nothing)

    with pytest.raises(IncompatibleUvicorn) as error:
        check_uvicorn()

    class_name = path.rpartition(".")[2]
    assert ", ".join(f"{class_name}.{name}" for name in INTERNALS[path]) in str(error.value)


def test_missing_class_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FLOW_CONTROL)

    with pytest.raises(IncompatibleUvicorn, match=r"ringback uses: FlowControl\. Install"):
        check_uvicorn()


def test_serve_reports_missing_names_in_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(f"{PROTOCOL}.on_body")
    monkeypatch.delattr(f"{FLOW_CONTROL}.pause_reading")

    finished = command("serve", "--port", "0", "--database-url", "sqlite://")

    assert finished.status == 1
    [complaint] = finished.complaints
    assert "HttpToolsProtocol.on_body, FlowControl.pause_reading. Install another version" in complaint


def test_lowest_uvicorn_version_equals_the_requirement_in_pyproject() -> None:
    [bound] = [
        re.fullmatch(r"uvicorn>=(.*)", requirement)
        for requirement in PROJECT["dependencies"]
        if "uvicorn" in requirement
    ]

    assert bound is not None
    assert bound[1] == LOWEST_VERSION


def used_names(module: object, class_name: str, owner: str) -> set[str]:
    """Return the attributes of `owner`, such as ``self`` or ``self.cycle``, that a class uses but does not define."""
    tree = ast.parse(Path(str(module.__dict__["__file__"])).read_text(encoding="utf-8"))
    [defined] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    attributes = [node for node in ast.walk(defined) if isinstance(node, ast.Attribute)]
    used = {node.attr for node in attributes if ast.unparse(node.value) in (owner, owner.replace("self", "super()"))}
    own = {node.name for node in defined.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    own |= {node.attr for node in attributes if isinstance(node.ctx, ast.Store) and node.attr.startswith("_")}
    inherited = {node.attr for node in attributes if ast.unparse(node.value) == "super()"}
    return (used - own | inherited if owner == "self" else used) - {"__init__"}


def test_names_used_by_the_protocol_are_all_checked() -> None:
    assert used_names(http_protocol, "TwilioHttpProtocol", "self") == set(INTERNALS[PROTOCOL])
    assert used_names(http_protocol, "TwilioHttpProtocol", "self.cycle") == set(INTERNALS[CYCLE])


def test_names_used_by_the_flow_control_are_all_checked() -> None:
    flow_names = used_names(http_protocol, "TwilioHttpProtocol", "self.flow") | used_names(
        transports, "PipelineFlowControl", "self"
    )

    assert flow_names - {"release_protocol"} == set(INTERNALS[FLOW_CONTROL])


def test_names_used_by_the_server_are_all_checked() -> None:
    assert used_names(uvicorn_server, "_Server", "self") == set(INTERNALS[SERVER])
