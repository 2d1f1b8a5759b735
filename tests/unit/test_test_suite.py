"""Checks of the tests: none may fail because the machine is slow, and each wait must have a limit."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MIN_PATIENCE_SECONDS = 30.0
MEASURED = re.compile(r"^(began|started|elapsed|took|seconds|duration|waited)$|_(seconds|ms)$", re.ASCII)
"""Names of variables for measured times. They are in lower case, because constants are not measured."""
CLOCKS = {"monotonic", "perf_counter", "time", "monotonic_ns", "perf_counter_ns", "time_ns"}
SLEEPERS = {"time.sleep", "asyncio.sleep", "threading.Event().wait", "anyio.sleep"}
LIMITED = {
    **dict.fromkeys(("asyncio.timeout", "until", "eventually", "wait_for", "create_connection", "fail_after"), 1),
    **dict.fromkeys(("join", "wait", "result", "settimeout", "communicate", "notifies"), 0),
}
"""Functions that wait, and the position of the argument that limits the wait."""
LIMITS = {"timeout", "seconds", "timeout_seconds", "start_seconds"}
"""Keyword arguments that limit a wait."""
DEFAULT_LIMITS = {"httpx.get", "httpx.post", "httpx.head", "httpx.put", "httpx.delete", "httpx.request", "httpx.Client"}
"""Functions of httpx, whose default timeout is five seconds."""

ALLOWED = {
    ("support/polling.py", "sleep"): "the pause of a wait that has a limit",
    ("support/waiting.py", "sleep"): "the pause of a wait that has a limit",
    ("support/wire/api.py", "sleep"): "the pause of a wait that has a limit",
    (
        "support/databases/postgresql.py",
        "sleep",
    ): "the pauses of a wait that has a limit, and of a program",
    ("system/test_python_async_client.py", "sleep"): "the pause of a wait that has a limit",
    ("support/crashes/world.py", "sleep"): "the receiver takes a moment to answer",
    ("system/test_shared_database.py", "sleep"): "the test needs an outage of this length",
    ("system/test_shared_database.py", "limit"): "the request must run out of time",
    ("system/test_hostile_requests.py", "speed"): "processor time of one thread, not wall time",
    ("integration/test_testing_account.py", "limit"): "the wait must run out of time",
    ("integration/test_testing_aio.py", "limit"): "the wait must run out of time",
    ("support/hostile/receivers.py", "limit"): "the pause between two bytes of a receiver that trickles its answer",
    ("integration/test_testing_server.py", "limit"): "the start must run out of time",
    ("support/docker/outage.py", "speed"): "a script that measures an outage; no test runs it",
    ("support/docker/outage.py", "sleep"): "a script that measures an outage; no test runs it",
}
"""Exceptions by file and rule, each with its reason."""


def complaints(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, rule and message of code that makes tests depend on the machine's speed."""
    tree = ast.parse(source)
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _bounds_measured_time(node, constants):
            yield node.lineno, "speed", "bounds measured time: assert an order of events, or measure it in benchmarks/"
        elif isinstance(node, ast.Call):
            yield from _complaints_about_call(node, constants)


def _complaints_about_call(node: ast.Call, constants: dict[str, float]) -> Iterator[tuple[int, str, str]]:
    name = ast.unparse(node.func)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in SLEEPERS and node.args and _is_positive(node.args[0], constants):
        yield node.lineno, "sleep", f"{name} sleeps: wait for a condition with support.waiting.eventually"
    if "deadline" in keywords and ast.unparse(keywords["deadline"]) != "None":
        yield node.lineno, "deadline", "a deadline of hypothesis fails on a slow machine: leave it to tests/conftest.py"
    if name in DEFAULT_LIMITS and "timeout" not in keywords:
        yield node.lineno, "limit", f"{name} gives up after 5 s: pass timeout=PATIENCE_SECONDS"
    for limit in _limits(node, name, keywords):
        value = _value(limit, constants)
        if value is not None and 0 < value < MIN_PATIENCE_SECONDS:
            yield node.lineno, "limit", f"waits at most {value:g} s: use support.waiting.PATIENCE_SECONDS"


def _limits(node: ast.Call, name: str, keywords: dict[str | None, ast.expr]) -> Iterator[ast.expr]:
    if name.endswith("timedelta"):
        return
    yield from (value for keyword, value in keywords.items() if keyword in LIMITS)
    place = LIMITED.get(name, LIMITED.get(name.rpartition(".")[2]))
    if name == "asyncio.timeout":
        place = 0
    if place is not None and len(node.args) > place and name not in SLEEPERS:
        yield node.args[place]


def _bounds_measured_time(node: ast.Compare, constants: dict[str, float]) -> bool:
    """Return whether measured time is compared with an upper bound that is a number."""
    operands = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
        below, above = (right, left) if isinstance(operator, ast.Gt | ast.GtE) else (left, right)
        is_bound = isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) and _is_number(above, constants)
        if is_bound and _is_measured(below):
            return True
    return False


def _is_measured(node: ast.expr) -> bool:
    """Return whether an expression is a difference of clock readings, or has the name of a measured time."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return any(_is_clock(one) for one in ast.walk(node))
    if isinstance(node, ast.Name | ast.Attribute):
        return bool(MEASURED.search(ast.unparse(node).rpartition(".")[2]))
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and bool(MEASURED.search(str(node.slice.value)))
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"max", "min", "median"}:
        return any(_is_measured(one) for one in node.args)
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".total_seconds")


def _is_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in CLOCKS


def _is_number(node: ast.expr, constants: dict[str, float]) -> bool:
    """Return whether an expression consists of numbers and constants alone."""
    if isinstance(node, ast.BinOp):
        return _is_number(node.left, constants) and _is_number(node.right, constants)
    return _value(node, constants) is not None or (isinstance(node, ast.Name) and node.id.isupper())


def _is_positive(node: ast.expr, constants: dict[str, float]) -> bool:
    value = _value(node, constants)
    return value > 0 if value is not None else isinstance(node, ast.Name) and node.id.isupper()


def _value(node: ast.expr, constants: dict[str, float]) -> float | None:
    """Return the value of a number or of a numeric constant, or None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    return constants.get(node.id) if isinstance(node, ast.Name) else None


def _constants(tree: ast.Module) -> Iterator[tuple[str, float]]:
    """Yield the module's numeric constants."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _value(node.value, {})
            if value is not None:
                yield node.targets[0].id, value


FILES = sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)


def test_tests_do_not_depend_on_the_speed_of_the_machine() -> None:
    found = [
        f"tests/{file}:{line}: {message}"
        for file in FILES
        for line, rule, message in complaints((TESTS / file).read_text(encoding="utf-8"))
        if (file, rule) not in ALLOWED
    ]

    assert found == []


def test_every_listed_exception_is_needed() -> None:
    needed = {
        (file, rule)
        for file in {file for file, _ in ALLOWED}
        for _, rule, _ in complaints((TESTS / file).read_text(encoding="utf-8"))
    }

    assert needed >= ALLOWED.keys()


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ("assert time.monotonic() - began < 5", ["speed"]),
        ("assert 5 > time.perf_counter() - began", ["speed"]),
        ("assert 0.2 <= took < LIMIT / 1000 + 2", ["speed"]),
        ("assert attempt['elapsed_ms'] <= 100", ["speed"]),
        ("assert max(took) < 2", ["speed"]),
        ("assert took >= 0.2", []),
        ("assert 1 <= elapsed_ms", []),
        ("assert date < later", []),
        ("time.sleep(1)", ["sleep"]),
        ("PAUSE = 0.1\nasyncio.sleep(PAUSE)", ["sleep"]),
        ("threading.Event().wait(0.1)", ["sleep"]),
        ("asyncio.sleep(0)", []),
        ("settings(deadline=200)", ["deadline"]),
        ("settings(deadline=None)", []),
        ("subprocess.run(command, timeout=10)", ["limit"]),
        ("asyncio.timeout(5)", ["limit"]),
        ("asyncio.wait_for(task, 5)", ["limit"]),
        ("SOON = 5\nthread.join(SOON)", ["limit"]),
        ("eventually(look, what='x', seconds=5)", ["limit"]),
        ("socket.create_connection(address, 1)", ["limit"]),
        ("until(condition, PATIENCE_SECONDS)", []),
        ("','.join(words)", []),
        ("receiver.wait_for(2)", []),
        ("httpx.get(url)", ["limit"]),
        ("httpx.get(url, timeout=PATIENCE_SECONDS)", []),
        ("timedelta(seconds=5)", []),
    ],
)
def test_scan_reports_only_tests_that_depend_on_speed(source: str, rules: list[str]) -> None:
    assert [rule for _, rule, _ in complaints(source)] == rules
