"""Measures an outage of PostgreSQL: ``PYTHONPATH=tests python -m support.docker.outage stop`` (or ``pause``).

Run it in the folder in which ``docker compose --profile replicas up --wait`` was run. It prints a line for each second:
the responses to GET, POST and /readyz with their longest times, the health of the replicas, and the events in the log
of one replica.
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from support.docker.container import client
from support.servers.server import caller_ids_path

BACK = {"stop": "start", "pause": "unpause"}
AWAY_AT, BACK_AT, END = 3, 15, 24
"""Seconds after the start: PostgreSQL is stopped or paused, then started or resumed, and finally the requests end."""
INTERVAL_SECONDS = 0.25
RETRY_EVENTS = ("database unavailable, retrying", "database available again")


def compose(*words: str) -> str:
    command = ["docker", "compose", "--profile", "replicas", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


@dataclass
class Outage:
    """The measurement of an outage. `seconds` maps each second to the observations that started in it."""

    front: str
    started: float = field(default_factory=time.time)
    seconds: dict[int, list[tuple[str, str, float]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def observe(self, kind: str, what: str, at: float, duration: float = 0.0) -> None:
        with self._lock:
            self.seconds.setdefault(int(at - self.started), []).append((kind, what, duration))

    def repeat(self, kind: str, look: Callable[[], str]) -> None:
        """Call `look` four times per second, each time in a new thread, and wait until all calls have ended."""
        calls = []
        while (now := time.time()) - self.started < END:
            calls.append(threading.Thread(target=self._call, args=(kind, look, now)))
            calls[-1].start()
            time.sleep(INTERVAL_SECONDS)
        for call in calls:
            call.join()

    def _call(self, kind: str, look: Callable[[], str], at: float) -> None:
        self.observe(kind, look(), at, time.time() - at)

    def get(self) -> str:
        with client(self.front) as http:
            return answer(http.get(f"{caller_ids_path()}.json"))

    def post(self) -> str:
        number = f"+1415{2_000_000 + time.time_ns() // 1_000_000 % 7_000_000}"
        with client(self.front) as http:
            return answer(http.post(f"{caller_ids_path()}.json", data={"PhoneNumber": number}))

    def readyz(self) -> str:
        with client(self.front) as http:
            response = http.get("/readyz")
        return f"{response.status_code} {response.json().get('reason', '').rpartition(': ')[2]}".strip()

    def switch(self, away: str) -> None:
        for command, at in ((away, AWAY_AT), (BACK[away], BACK_AT)):
            time.sleep(max(0.0, self.started + at - time.time()))
            begin = time.time()
            compose(command, "postgres")
            self.observe("event", f"{command}: {time.time() - begin:.1f} s", begin)

    def read_logs(self) -> None:
        for line in compose("logs", "--no-log-prefix", "ringback-a").splitlines():
            _, brace, rest = line.partition("{")  # a line may start with escape sequences for a terminal
            entry = json.loads(brace + rest) if brace else {}
            if entry.get("event") in RETRY_EVENTS:
                at = datetime.fromisoformat(entry["timestamp"]).timestamp()
                if at > self.started:
                    self.observe("log", entry["event"], at)


def answer(response: httpx.Response) -> str:
    return f"{response.status_code}" + ("" if response.is_success else f" {response.json().get('code')}")


def summaries(observed: list[tuple[str, str, float]]) -> list[str]:
    """Return each distinct observation of one second, with its count and its longest duration."""
    counts = Counter((kind, what) for kind, what, _ in observed)
    longest = {key: max(duration for kind, what, duration in observed if (kind, what) == key) for key in counts}
    return [f"{kind} {what} x{counts[kind, what]} {longest[kind, what]:.1f} s" for kind, what in sorted(counts)]


def health() -> str:
    return "/".join(compose("ps", "--format", "{{.Health}}", "ringback-a", "ringback-b").split())


def main(away: str, front: str = "http://127.0.0.1:8020") -> None:
    """Send requests before, during and after an outage, and print the observations for each second."""
    outage = Outage(front)
    looks = {"GET": outage.get, "POST": outage.post, "readyz": outage.readyz, "health": health}
    threads = [threading.Thread(target=outage.repeat, args=look) for look in looks.items()]
    threads.append(threading.Thread(target=outage.switch, args=(away,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outage.read_logs()
    for second, observed in sorted(outage.seconds.items()):
        print(second - AWAY_AT, *summaries(observed), sep="; ")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
