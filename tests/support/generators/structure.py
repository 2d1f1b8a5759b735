"""Statistics about the structure of src/ringback, which `make structure` prints.

- **Top level**: the nodes are the modules and packages directly below `ringback`, the edges are imports between them.
  Imports inside functions and under TYPE_CHECKING count.
- **Cycle**: modules that import each other, directly or through others.
- **Lines** of a module are all of its lines; those of a function go from `def` to its end, docstring included.
- **Files of a POST**: the files whose functions run between the request and the response of one validation request.
  Those of the interface are `app.py`, `twilio_api` and `operations`; domain and storage are counted separately.
- **Functions of a callback**: the functions that run in the task that delivers one callback, from its claim until
  httpx's transport gets the request. The receiver is a literal IP address, and no fault is set. Not counted are
  comprehensions, constructors, the storage below its repositories (`STORAGE_INTERNALS`), and leaf helpers: module
  functions whose names begin with an underscore, and all functions of `LEAF_MODULES`.

Both are recorded at the second request and callback, when caches are filled.
"""

import ast
import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import structlog

import ringback
from ringback.app import create_app
from ringback.config.settings import Settings
from support.waiting import PATIENCE_SECONDS

PACKAGE = Path(ringback.__file__).parent
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 40
INTERFACE = ("app.py", "twilio_api/", "operations/")
"""Files of the HTTP interface. Domain and storage are counted separately."""
STORAGE_INTERNALS = ("storage/session.py", "storage/statements.py")
LEAF_MODULES = ("clock.py", "domain/geography.py", "callback_delivery/metadata_services.py")
RECEIVER = "http://93.184.216.34/status"


class Call(NamedTuple):
    """A call of a ringback function: its file, its name, and the asyncio task that made it."""

    file: str
    function: str
    task: asyncio.Task[Any] | None


def modules() -> dict[str, ast.Module]:
    """Return the syntax trees of all modules by dotted name."""
    trees = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("ringback", *path.relative_to(PACKAGE).with_suffix("").parts)
        trees[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def imports_of(tree: ast.Module, names: set[str]) -> set[str]:
    """Return the modules of ringback that a module imports, anywhere in its code."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & names
            found |= submodules or {node.module}
    return found & names


def import_graph(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return the imports of each module, including those inside functions and under TYPE_CHECKING."""
    names = set(trees)
    return {name: imports_of(tree, names) - {name} for name, tree in trees.items()}


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or through others."""
    reachable = {name: _reachable(graph, name) for name in graph}
    groups = {frozenset(other for other in reachable[name] if name in reachable[other]) for name in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    pending = [start]
    while pending:
        for name in graph[pending.pop()] - seen:
            seen.add(name)
            pending.append(name)
    return seen


def top_level(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the graph of imports between the modules and packages directly below `ringback`."""
    merged: dict[str, set[str]] = {}
    for name, imported in graph.items():
        if name != "ringback":
            group = merged.setdefault(name.split(".")[1], set())
            group |= {other.split(".")[1] for other in imported if other != "ringback"}
    return {name: others - {name} for name, others in merged.items()}


def module_lines() -> dict[str, int]:
    """Return the number of lines of each module by file."""
    return {
        str(path.relative_to(PACKAGE)): len(path.read_bytes().splitlines()) for path in sorted(PACKAGE.rglob("*.py"))
    }


def longer_than(limit: int, lines: dict[str, int]) -> dict[str, int]:
    """Return the entries with more lines than `limit`."""
    return {name: count for name, count in lines.items() if count > limit}


def functions(trees: dict[str, ast.Module]) -> dict[str, int]:
    """Return the lines of each function and method. If methods of a module have the same name, the longest counts."""
    lines: dict[str, int] = {}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name, count = f"{module}.{node.name}", (node.end_lineno or 0) - node.lineno + 1
                lines[name] = max(count, lines.get(name, 0))
    return lines


def root_modules() -> list[str]:
    """Return the files of the modules directly in src/ringback."""
    return sorted(path.name for path in PACKAGE.glob("*.py"))


class Recorder(httpx.AsyncBaseTransport):
    """A recorder of ringback's function calls on this thread, and the transport that receives StatusCallbacks."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.deliveries: list[tuple[asyncio.Task[Any] | None, int]] = []
        self._delivered = asyncio.Event()

    def start(self) -> None:
        self.calls.clear()
        self.deliveries.clear()
        self._delivered.clear()
        sys.setprofile(self._profile)

    def stop(self) -> list[Call]:
        sys.setprofile(None)
        return [*self.calls]

    def _profile(self, frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)) and not code.co_name.startswith("<"):
            file = str(Path(code.co_filename).relative_to(PACKAGE))
            self.calls.append(Call(file, code.co_qualname, asyncio.current_task()))

    async def wait_for_delivery(self) -> None:
        """Wait until a callback has reached the transport."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._delivered.wait()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.deliveries.append((asyncio.current_task(), len(self.calls)))
        self._delivered.set()
        return httpx.Response(200, request=request, stream=httpx.ByteStream(b""))


async def record() -> tuple[list[Call], list[Call]]:
    """Return the function calls of one validation request, and those of one StatusCallback up to the transport.

    Both are the second of their kind, so that caches are filled.
    """
    recorder = Recorder()
    settings = Settings(database_url="sqlite://", ring_seconds=0.05, key_seconds=0.01)
    app = create_app(settings, callback_transport=recorder)
    transport, auth = httpx.ASGITransport(app), (settings.account_sid, settings.auth_token)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", auth=auth) as http,
    ):
        await _validate(http, settings, "+14155550100")
        await recorder.wait_for_delivery()
        recorder.start()
        await _validate(http, settings, "+14158675309")
        post = recorder.stop()
        recorder.start()
        await recorder.wait_for_delivery()
        calls = recorder.stop()
    [(task, count)] = recorder.deliveries
    return post, [call for call in calls[:count] if call.task is task]


async def _validate(http: httpx.AsyncClient, settings: Settings, number: str) -> None:
    path = f"/2010-04-01/Accounts/{settings.account_sid}/OutgoingCallerIds.json"
    answer = await http.post(path, data={"PhoneNumber": number, "StatusCallback": RECEIVER})
    answer.raise_for_status()


def is_counted(call: Call) -> bool:
    """Return whether a function is counted for a callback, as defined in the module's docstring."""
    name = call.function.rpartition(".")[2]
    is_leaf = call.file in LEAF_MODULES or ("." not in call.function and name.startswith("_"))
    return not (is_leaf or name == "__init__" or call.file in STORAGE_INTERNALS)


def report() -> Iterator[str]:
    """Yield the lines of the report."""
    trees = modules()
    graph = import_graph(trees)
    top = top_level(graph)
    yield f"modules: {len(trees)}, at the root: {len(root_modules())}"
    long_modules = longer_than(MAX_MODULE_LINES, module_lines())
    long_functions = longer_than(MAX_FUNCTION_LINES, functions(trees))
    yield f"modules longer than {MAX_MODULE_LINES} lines: {long_modules or 'none'}"
    yield f"functions longer than {MAX_FUNCTION_LINES} lines: {long_functions or 'none'}"
    yield f"top level: {len(top)} nodes, {sum(map(len, top.values()))} imports"
    yield f"import cycles: {', '.join(' and '.join(cycle) for cycle in cycles(graph)) or 'none'}"
    post, callback = asyncio.run(record())
    files = list(dict.fromkeys(call.file for call in post))
    interface = [file for file in files if file.startswith(INTERFACE)]
    yield f"files of a POST: {len(interface)} of the interface, {len(files)} in all"
    yield from (f"  {file}" for file in interface)
    steps = list(dict.fromkeys(f"{call.file} {call.function}" for call in callback if is_counted(call)))
    yield f"functions of a callback: {len(steps)} in {len({step.split()[0] for step in steps})} files"
    yield from (f"  {step}" for step in steps)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.stdout.write("\n".join(report()) + "\n")
