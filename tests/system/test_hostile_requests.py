"""Malformed and hostile requests: their responses, the server's log, its memory and its event loop.

Rules: docs/fidelity.md, errors.
"""

import base64
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest

from support.databases.postgresql import migrated_database
from support.databases.templates import BOTH, SQLITE
from support.hostile.client import HEAD, LIST, Hostile, check_own, check_twilio, connection, form, get, play
from support.hostile.control_requests import CONTROL_REQUESTS, OUTSIDE_REQUESTS
from support.hostile.framing import BODIES, FIELDS, LINES, PIPELINED
from support.hostile.parameters import AUTHORIZATIONS, FORMS, PATHS, QUERIES
from support.sampling import WHOLE
from support.servers.server import END_OF_LOG, ServerProcess
from support.waiting import eventually
from support.wire.sockets import RawAnswer

TWILIO_REQUESTS = [*LINES, *FIELDS, *BODIES, *PIPELINED, *PATHS, *QUERIES, *FORMS, *AUTHORIZATIONS]
RINGBACK_REQUESTS = [*CONTROL_REQUESTS, *OUTSIDE_REQUESTS]
HEAVY_BYTES = 500_000
HEAVY_EVERY = 4 if WHOLE else 5
WARM_UP, REPEATED = (40, 40) if WHOLE else (5, 10)
PHASES = 3
"""Number of phases. Memory must not grow in all of them: allocator pools fill up, but a leak grows in every phase."""
GROWTH_KIB = 8 * 1024
MALLOC_SETTINGS = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
"""Settings that make glibc return freed memory to the system. By default, it retains some ten megabytes."""
STALL_MS = 100
ATTEMPTS = 3
"""Number of attempts. A busy machine can delay one of them, but not all."""
INCOMPLETE, FEW_FILES = 200, 64
GOOD_REQUEST = Hostile("a good request", get(LIST), (200,))
INCOMPLETE_HEAD = b"GET " + LIST + b" HTTP/1.1\r\n" + HEAD + b"X: " + b"y" * 30_000

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory, processor time and limits are read from /proc"),
    pytest.mark.xdist_group("hostile requests"),
]


@pytest.fixture(scope="module", params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("hostile")
    file = nullcontext(f"sqlite:///{folder}/ringback.db")
    with (
        file if request.param == SQLITE else migrated_database() as database_url,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in MALLOC_SETTINGS.items():
            environment.setenv(name, value)
        with ServerProcess(covered=False, cwd=folder, database_url=database_url) as running:
            yield running
    assert complaints(running, 0) == []


def complaints(server: ServerProcess, seen: int) -> list[object]:
    """Return the log lines since line `seen`, except requests and warnings."""
    harmless = ("info", "warning")
    return [line for line in server.log[seen:] if line.get("level") not in harmless and line != END_OF_LOG]


def process_file(server: ServerProcess, name: str) -> str:
    assert server.process is not None
    return Path(f"/proc/{server.process.pid}/{name}").read_text(encoding="ascii")


def memory_kib(server: ServerProcess) -> int:
    lines = process_file(server, "status").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def loop_ms(server: ServerProcess) -> float:
    """Return the processor time of the server's main thread, which runs the event loop."""
    return int(process_file(server, "schedstat").split()[0]) / 1e6


def play_quickly(server: ServerProcess, hostile: Hostile, check: Callable[[RawAnswer], None]) -> None:
    """Send a hostile request, which must neither cause an error in the log nor block the event loop for long."""
    took: list[float] = []
    seen = len(server.log)
    while not took or (min(took) > STALL_MS and len(took) < ATTEMPTS):
        before = loop_ms(server)
        play(server.base_url, hostile, check)
        took.append(loop_ms(server) - before)

    assert min(took) < STALL_MS
    assert complaints(server, seen) == []


@pytest.mark.parametrize("hostile", TWILIO_REQUESTS, ids=lambda hostile: hostile.name)
def test_hostile_request_gets_a_twilio_error_or_no_response(server: ServerProcess, hostile: Hostile) -> None:
    play_quickly(server, hostile, check_twilio)


@pytest.mark.parametrize("hostile", RINGBACK_REQUESTS, ids=lambda hostile: hostile.name)
def test_hostile_request_outside_the_twilio_api_gets_a_ringback_error(server: ServerProcess, hostile: Hostile) -> None:
    play_quickly(server, hostile, check_own)


@pytest.mark.slow
@pytest.mark.parametrize("server", [SQLITE], indirect=True)  # parsing does not depend on the database
def test_large_requests_do_not_remain_in_memory(server: ServerProcess) -> None:
    heavy = [hostile for hostile in TWILIO_REQUESTS if len(hostile.data) > HEAVY_BYTES]

    def repeat(times: range) -> int:
        for at in times:
            for hostile in (*heavy[at % HEAVY_EVERY :: HEAVY_EVERY], *varied_requests(at)):
                play(server.base_url, hostile)
        return memory_kib(server)

    held = [repeat(range(WARM_UP))]
    for begin in range(WARM_UP, WARM_UP + PHASES * REPEATED, REPEATED):
        held.append(repeat(range(begin, begin + REPEATED)))
        if held[-1] - held[-2] < GROWTH_KIB:
            break

    print(f"{len(heavy)} requests; KiB after each {REPEATED} times: {held}")  # noqa: T201
    assert held[-1] - held[-2] < GROWTH_KIB, "memory grows in every phase"


def varied_requests(at: int) -> list[Hostile]:
    """Return requests that differ in each phase, so that a cache of unbounded size would grow."""
    long = b"%d" % at * 40_000
    credentials = b"Authorization: Basic " + base64.b64encode(b"x:" + long[:40_000]) + b"\r\n"
    return [
        Hostile("a password", get(LIST, credentials), (401,)),
        Hostile("a URL", form(b"PhoneNumber=%2B15005550018&StatusCallback=http://a/" + long), (400,)),
    ]


def test_incomplete_requests_use_little_memory_and_few_descriptors(tmp_path: Path) -> None:
    with ServerProcess(covered=False, cwd=tmp_path) as server, ExitStack() as opened:
        assert server.process is not None
        limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        before = memory_kib(server)
        for _ in range(INCOMPLETE):
            opened.enter_context(connection(server.base_url)).send(INCOMPLETE_HEAD)
        eventually(lambda: open_files(server) > INCOMPLETE, what="all connections accepted")
        growth = memory_kib(server) - before
        play(server.base_url, GOOD_REQUEST)
        opened.close()
        eventually(lambda: open_files(server) < FEW_FILES, what="connections closed")
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (FEW_FILES, limits[1]))
        flood = [opened.enter_context(connection(server.base_url)) for _ in range(2 * FEW_FILES)]
        assert flood[-1].is_closed()
        opened.close()
        eventually(lambda: open_files(server) < FEW_FILES // 2, what="files to spare again")
        play(server.base_url, GOOD_REQUEST)

    assert growth < INCOMPLETE * 200
    assert complaints(server, 0) == []


def open_files(server: ServerProcess) -> int:
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
