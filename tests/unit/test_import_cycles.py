"""Import cycles: modules that import each other can only be understood, tested and moved together."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"

JUSTIFIED: dict[frozenset[str], str] = {
    frozenset({f"ringback.testing{package}.{name}" for name in ("account", "connection")}): (
        "a connection returns accounts, and an account is typed with its connection"
    )
    for package in ("", ".aio")
}
"""Cycles that may stay, as sets of modules, each with its reason."""


def modules() -> dict[str, Path]:
    """Return the files of ringback by the names of their modules."""
    named = {}
    for file in (SOURCE / "ringback").rglob("*.py"):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return named


def imported(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of ringback that a file imports, in functions and for type checkers as well."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".")[: None if file.name == "__init__.py" else -1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                member = f"{base}.{alias.name}"
                if member in known or base in known:
                    yield member if member in known else base


def cycles(graph: dict[str, set[str]]) -> list[frozenset[str]]:
    """Return the strongly connected components of more than one module (Tarjan)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for target in graph[name]:
            if target not in numbers:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], numbers[target])
        if lowest[name] == numbers[name]:
            start = stack.index(name)
            component = frozenset(stack[start:])
            del stack[start:]
            if len(component) > 1:
                found.append(component)

    for name in graph:
        if name not in numbers:
            visit(name)
    return found


def test_modules_of_ringback_do_not_import_each_other_in_cycles() -> None:
    known = modules()
    graph = {name: set(imported(name, file, known)) - {name} for name, file in known.items()}

    found = [cycle for cycle in cycles(graph) if cycle not in JUSTIFIED]

    assert not found, "these modules import each other:\n" + "\n".join(
        f"{name} -> {', '.join(sorted(graph[name] & cycle))}" for cycle in found for name in sorted(cycle)
    )


def test_justified_import_cycles_still_exist() -> None:
    known = modules()

    found = cycles({name: set(imported(name, file, known)) - {name} for name, file in known.items()})

    assert [reason for cycle, reason in JUSTIFIED.items() if cycle not in found] == []


def test_import_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str]()}

    assert cycles(graph) == [frozenset({"b", "c"})]
