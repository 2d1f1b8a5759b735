"""The rate of POSTs to two replicas on one PostgreSQL server, compared with the rate of a single replica."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median

from benchmarks import servers
from benchmarks.client import AUTHORIZATION, FIRST_NUMBER, LIST_PATH, NUMBERS_PER_SECOND
from benchmarks.held import held
from benchmarks.load import CONNECTIONS, measure
from benchmarks.sections import Bench, Section, at_least, span
from benchmarks.servers import Server
from support.databases.postgresql import migrated_database

SHARE = 0.2
"""Share of a processor that each replica may use. The rest is enough for PostgreSQL and wrk."""
TARGET = 1.5
WORDS = """Medians of {rounds} rounds of {seconds} s each: POSTs of one account, over {connections} connections to
one server, alternating with half as many connections to each of two servers that share another
database. {held} PostgreSQL runs on the same
machine without fsync."""
LIMITED = f"""Each server is limited to {SHARE:.0%} of one processor, to show whether replicas slow each other
down when CPU capacity is available."""
NOT_LIMITED = "Servers, PostgreSQL and wrk share the processors of this machine, which may be fully used."


def measure_replicas(bench: Bench) -> Section:
    """Measure POSTs to one replica, then to two, round by round."""
    with ExitStack() as stack:
        one, two = (_servers(stack, bench, number) for number in (1, 2))
        is_held = all(map(stack.enter_context, [held(server.process.pid, SHARE) for server in (*one, *two)]))
        ones, twos = [], []
        for turn in range(bench.rounds + 1):
            number = FIRST_NUMBER + turn * 2 * bench.seconds * NUMBERS_PER_SECOND
            rates = _rate(one, bench.seconds, number), _rate(two, bench.seconds, number)
            if turn:  # the first round is a warm-up
                ones.append(rates[0])
                twos.append(rates[1])
    ratios = [two / one for one, two in zip(ones, twos, strict=True)]
    words = WORDS.format(
        rounds=bench.rounds, seconds=bench.seconds, connections=CONNECTIONS, held=LIMITED if is_held else NOT_LIMITED
    )
    target = at_least(median(ratios), TARGET, "{:.1f} times")
    return Section(
        "Replicas",
        words,
        ("", "POSTs/s", "least to most", "target"),
        [
            ["one server", f"{median(ones):,.0f}", span(ones, "{:,.0f}"), ""],
            ["two servers", f"{median(twos):,.0f}", span(twos, "{:,.0f}"), ""],
            ["two / one", f"{median(ratios):.2f}", span(ratios, "{:.2f}"), target if is_held else "not judged here"],
        ],
    )


def _servers(stack: ExitStack, bench: Bench, number: int) -> list[Server]:
    """Start `number` servers on a new database."""
    url = stack.enter_context(migrated_database())
    return [stack.enter_context(servers.ringback_on(bench.folder, url)) for _ in range(number)]


def _rate(asked: list[Server], seconds: int, first_number: int) -> float:
    """Return the total number of POSTs per second of these servers."""

    def rate(place: int) -> float:
        return measure(
            f"{asked[place].url}{LIST_PATH}.json",
            seconds,
            authorization=AUTHORIZATION,
            first_number=first_number + place * seconds * NUMBERS_PER_SECOND,
            connections=CONNECTIONS // len(asked),
        ).requests_per_second

    with ThreadPoolExecutor(len(asked)) as pool:
        return sum(pool.map(rate, range(len(asked))))
