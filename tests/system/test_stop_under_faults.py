"""A server that is stopped while a fault delays a request."""

from concurrent.futures import ThreadPoolExecutor

from support.servers.server import ACCOUNT_SID, ServerProcess, caller_ids_path
from support.waiting import eventually


def test_server_stop_does_not_wait_for_delayed_requests() -> None:
    with ServerProcess() as server, server.client() as client, server.client() as waiting, ThreadPoolExecutor() as pool:
        faults = f"/_ringback/accounts/{ACCOUNT_SID}/faults"
        client.post(faults, json={"operation": "list-outgoing-caller-ids", "effect": {"delay_seconds": 60}, "times": 1})
        delayed = pool.submit(waiting.get, f"{caller_ids_path()}.json")
        eventually(lambda: client.get(faults).json()["faults"] == [], what="the fault used up")
        exit_status = server.stop()

    assert (exit_status, delayed.result().status_code, delayed.result().json()["code"]) == (0, 503, 20503)
    assert not [line for line in server.log if "exception" in line]
