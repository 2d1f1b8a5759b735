"""`python -m benchmarks.livez_probe PORT COUNT` sends GETs of /livez one after another and prints their latencies."""

import http.client
import json
import sys
import time

from benchmarks.servers import HOST, OK


def main(port: int, count: int) -> None:
    """Print a list of pairs: the start of a GET in seconds of the monotonic clock, and its duration in milliseconds."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    latencies = []
    for _ in range(count):
        began = time.monotonic()
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
        if answer.status != OK:
            raise SystemExit(f"/livez answered {answer.status}")
        latencies.append((began, (time.monotonic() - began) * 1000))
    print(json.dumps(latencies))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
