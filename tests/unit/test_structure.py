"""Limits of the structure of src/ringback: lengths, modules at the root, the top-level graph, and import cycles."""

import ast

import pytest

from support.generators.structure import (
    MAX_FUNCTION_LINES,
    MAX_MODULE_LINES,
    Call,
    cycles,
    functions,
    import_graph,
    is_counted,
    longer_than,
    module_lines,
    modules,
    root_modules,
    top_level,
)

MAX_ROOT_MODULES, MAX_TOP_LEVEL_NODES = 8, 22
LONG_FUNCTIONS = {"ringback.app.create_app": 60}
"""Functions with a higher limit. `create_app` is long because it creates every part of the application."""
CYCLE_REASONS: dict[frozenset[str], str] = {
    frozenset({f"ringback.testing{package}.{name}" for name in ("account", "connection")}): (
        "a connection returns accounts, and an account is typed with its connection"
    )
    for package in ("", ".aio")
}
"""Allowed import cycles, as sets of modules, each with its reason."""


def test_modules_are_not_too_long() -> None:
    assert longer_than(MAX_MODULE_LINES, module_lines()) == {}, "split these modules"


def test_functions_are_not_too_long() -> None:
    lines = functions(modules())
    too_long = {name for name in longer_than(MAX_FUNCTION_LINES, lines) if lines[name] > LONG_FUNCTIONS.get(name, 0)}

    assert not too_long, f"split these functions: {', '.join(sorted(too_long))}"


def test_long_functions_in_the_list_are_still_long() -> None:
    assert longer_than(MAX_FUNCTION_LINES, functions(modules())).keys() >= LONG_FUNCTIONS.keys()


def test_root_package_has_few_modules() -> None:
    assert len(root_modules()) <= MAX_ROOT_MODULES, f"move one into a package: {', '.join(root_modules())}"


def test_top_level_graph_has_few_nodes() -> None:
    nodes = top_level(import_graph(modules()))

    assert len(nodes) <= MAX_TOP_LEVEL_NODES, f"merge two of {', '.join(sorted(nodes))}"


def test_modules_of_ringback_do_not_import_each_other_in_cycles() -> None:
    graph = import_graph(modules())
    unexpected = [cycle for cycle in cycles(graph) if frozenset(cycle) not in CYCLE_REASONS]

    assert not unexpected, "these modules import each other:\n" + "\n".join(
        f"{name} -> {', '.join(sorted(graph[name] & set(cycle)))}" for cycle in unexpected for name in cycle
    )


def test_import_cycles_with_a_reason_still_exist() -> None:
    existing = {frozenset(cycle) for cycle in cycles(import_graph(modules()))}

    assert [reason for cycle, reason in CYCLE_REASONS.items() if cycle not in existing] == []


def test_import_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str]()}

    assert cycles(graph) == [["b", "c"]]


def test_imports_in_functions_and_for_type_checkers_count() -> None:
    trees = {
        "ringback.a": ast.parse("if TYPE_CHECKING:\n    from ringback.b import B"),
        "ringback.b": ast.parse("def f():\n    from ringback import c"),
        "ringback.c": ast.parse("import ringback.a"),
    }

    assert import_graph(trees)["ringback.b"] == {"ringback.c"}
    assert top_level(import_graph(trees)) == {"a": {"b"}, "b": {"c"}, "c": {"a"}}


def test_longest_of_several_functions_with_the_same_name_is_measured() -> None:
    tree = ast.parse(
        "class A:\n    def f(self):\n        return 1\nclass B:\n    def f(self):\n        a = 1\n        return a"
    )

    assert functions({"ringback.a": tree}) == {"ringback.a.f": 3}
    assert longer_than(2, {"a": 3, "b": 2}) == {"a": 3}


@pytest.mark.parametrize(
    ("file", "function"),
    [("callback_delivery/delivery.py", "CallbackDelivery._send"), ("domain/urls.py", "parse_url")],
)
def test_functions_called_for_a_callback_are_counted(file: str, function: str) -> None:
    assert is_counted(Call(file, function, None))


@pytest.mark.parametrize(
    ("file", "function"),
    [
        ("domain/retry_policy.py", "_number"),
        ("domain/geography.py", "geography"),
        ("callback_delivery/http_client.py", "ConnectionMonitor.__init__"),
        ("storage/session.py", "Session.first"),
    ],
)
def test_constructors_and_leaf_helpers_called_for_a_callback_are_not_counted(file: str, function: str) -> None:
    assert not is_counted(Call(file, function, None))
