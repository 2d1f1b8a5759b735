"""Checks over HTTP that the calls, callbacks and caller IDs of a client match its requests."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from support.crashes.clients import SCRIPTED, Tenant
from support.crashes.report import Report
from support.receivers.receiver import Received
from support.servers.server import caller_ids_path
from support.waiting import eventually

MAX_LISTED = 1000
TOKEN = "I-Twilio-Idempotency-Token"
EXPECTED_EVENTS = {
    "enter-code": (["answer", "digits"], "completed success"),
    "mistype-once": (["answer", "digits", "digits"], "completed success"),
    "enter-wrong-code": (["answer", "digits", "digits", "digits"], "completed failed"),
    "enter-nothing": (["answer", "prompt-timeout", "prompt-timeout", "prompt-timeout"], "completed failed"),
    "hang-up": (["answer", "hang-up"], "completed failed"),
    "no-answer": (["ring-timeout"], "no-answer failed"),
    "busy": ([], "busy failed"),
    "unreachable": ([], "failed failed"),
}
"""For each behavior of a phone: the events of a call's timeline after dialing, and the call's final statuses."""

Deliveries = Mapping[str, list[Received]]
Json = dict[str, Any]


def parameters(received: Received) -> dict[str, str]:
    return received.query if received.method == "GET" else received.form


def is_whole(received: Received) -> bool:
    """Return whether a request arrived completely. A killed server can leave a truncated one, which is ignored."""
    return TOKEN in received.headers and len(received.body) == int(received.headers.get("Content-Length", 0))


def by_call(received: Iterable[Received]) -> Deliveries:
    """Return the complete requests, grouped by CallSid."""
    found: dict[str, list[Received]] = defaultdict(list)
    for one in filter(is_whole, received):
        found[parameters(one)["CallSid"]].append(one)
    return found


class Inspector:
    """An inspector of one client's account, which it reads over HTTP."""

    def __init__(self, http: httpx.Client, tenant: Tenant, report: Report) -> None:
        self._http = http
        self._tenant = tenant
        self._report = report
        self._calls_path = f"/2010-04-01/Accounts/{tenant.sid}/Calls"

    def settle(self, seconds: float) -> None:
        """Wait until every call has ended and every callback is delivered or has failed."""
        what = f"account {self._tenant.sid} settled"
        eventually(lambda: len(self._settled()) >= len(self._calls()), what=what, seconds=seconds)

    def inspect(self, deliveries: Deliveries) -> None:
        """Count calls, callbacks and caller IDs, and report each one that is missing, duplicated or wrong."""
        calls = {call["sid"]: call for call in self._calls()}
        self._count(calls)
        shown = {call["sid"]: call["status"] for call in self._twilio(self._calls_path)["calls"]}
        self._report.expect(shown, {sid: call["status"] for sid, call in calls.items()}, "calls as Twilio's API has it")
        for sid in self._tenant.answered.keys() - calls.keys():
            self._report.lose(f"call {sid}, which was answered")
        self._inspect_events(calls)
        for call in calls.values():
            self._inspect_timeline(call)
            self._inspect_callback(call, deliveries.get(call["sid"], []))
        self._inspect_caller_ids([call for call in calls.values() if call["verification_status"] == "success"])
        self._inspect_script(list(calls.values()))

    def _count(self, calls: Mapping[str, Json]) -> None:
        tenant, report = self._tenant, self._report
        told = len(tenant.answered) + len(tenant.refused)
        report.posts += told + tenant.unanswered
        report.answered += told
        report.refused += len(tenant.refused)
        report.unanswered += tenant.unanswered
        report.calls += len(calls)

    def _inspect_events(self, calls: Mapping[str, Json]) -> None:
        """Check that each call is queued, ends and delivers its callback once, and repeats no event except digits."""
        happened: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for event in self._events():
            happened[event["call_sid"]][event["type"]] += 1
        self._report.expect(set(happened), set(calls), f"calls with events in {self._tenant.sid}")
        for sid, types in happened.items():
            for once in ("call.queued", "call.ended", "callback.delivered"):
                if not types[once]:
                    self._report.lose(f"{once} of {sid}")
            twice = {type_ for type_, times in types.items() if times > 1} - {"call.digits"}
            if twice:
                self._report.double(f"{twice} of {sid}")
            self._report.expect(types["callback.failed"], 0, f"callbacks given up for {sid}")

    def _inspect_timeline(self, call: Json) -> None:
        """Check a call's timeline against the behavior of its phone.

        A superseded call has only the first expected events.
        """
        events = [entry["event"] for entry in call["timeline"]]
        end = f"{call['status']} {call['verification_status']}"
        steps, outcome = EXPECTED_EVENTS[call["phone"]["behavior"]] if call["phone"] else ([], "failed failed")
        whole = ["queued", "dial", *steps] if call["phone"] else ["queued"]
        if events[-2:-1] == ["supersede"]:
            self._report.superseded += 1
            whole, outcome = [*whole[: len(events) - 2], "supersede"], "failed failed"
        self._report.expect((events, end), ([*whole, "ended"], outcome), f"call {call['sid']}")
        self._report.outcomes[end] += 1

    def _inspect_callback(self, call: Json, deliveries: list[Received]) -> None:
        """Check that the callback was delivered at least once, always with the same content and idempotency token."""
        sid, report = call["sid"], self._report
        if not deliveries:
            report.lose(f"the callback of {sid}")
            return
        report.callbacks += 1
        report.deliveries += len(deliveries)
        report.duplicates += len(deliveries) - 1
        if len({received.headers[TOKEN] for received in deliveries}) > 1:
            report.double(f"the token of the callback of {sid}")
        report.expect(len({received.body + received.target.encode() for received in deliveries}), 1, f"told of {sid}")
        told = parameters(deliveries[0])
        names = ("To", "CallStatus", "VerificationStatus", "OutgoingCallerIdSid")
        wanted = (call["phone_number"], call["status"], call["verification_status"], call["outgoing_caller_id_sid"])
        report.expect(tuple(told.get(name) for name in names), wanted, f"the callback of {sid}")

    def _inspect_caller_ids(self, verified: list[Json]) -> None:
        """Check that each successful call created exactly one caller ID."""
        listed = self._twilio(caller_ids_path(self._tenant.sid))["outgoing_caller_ids"]
        made = {caller_id["phone_number"]: caller_id["sid"] for caller_id in listed}
        report = self._report
        report.caller_ids += len(listed)
        report.verified += len(verified)
        for call in verified:
            if call["phone_number"] not in made:
                report.lose(f"the caller ID of {call['sid']}")
            report.expect(made.get(call["phone_number"]), call["outgoing_caller_id_sid"], f"caller ID of {call['sid']}")
        if len(listed) > len(made) or len(verified) > len(made):
            report.double(f"caller IDs of {self._tenant.sid}: {len(verified)} calls, {len(listed)} caller IDs")
        report.expect({*self._tenant.refused} - {*made}, set(), f"refused in {self._tenant.sid}, and not verified")

    def _inspect_script(self, calls: list[Json]) -> None:
        """Check that each entry of the script was used by one call or is still queued."""
        met = [call["phone"] for call in calls if call["phone_number"] == SCRIPTED and call["phone"]]
        used = [phone["ring_seconds"] for phone in met if phone["ring_seconds"] in self._tenant.script]
        left = [entry["ring_seconds"] for entry in self._control(f"/phones/{SCRIPTED}")["script"]]
        self._report.script_entries += len(used)
        for entry, times in Counter([*used, *left]).items():
            if times > 1:
                self._report.double(f"script entry {entry} of {self._tenant.sid}")
        for entry in {*self._tenant.script} - {*used, *left}:
            self._report.lose(f"script entry {entry} of {self._tenant.sid}")

    def _settled(self) -> list[Json]:
        return [event for event in self._events() if event["type"] in ("callback.delivered", "callback.failed")]

    def _calls(self) -> list[Json]:
        calls: list[Json] = self._control("/calls", limit=MAX_LISTED)["calls"]
        assert len(calls) < MAX_LISTED  # otherwise the list may be truncated
        return calls

    def _events(self) -> list[Json]:
        found: list[Json] = []
        while True:
            after = found[-1]["id"] if found else 0
            page = self._control("/events", after=after, wait_seconds=0)["events"]
            if not page:
                return [event for event in found if event["call_sid"]]
            found += page

    def _control(self, path: str, **query: Any) -> Json:
        answer = self._http.get(f"/_ringback/accounts/{self._tenant.sid}{path}", params=query)
        found: Json = answer.raise_for_status().json()
        return found

    def _twilio(self, path: str) -> Json:
        owner = (self._tenant.sid, self._tenant.auth_token)
        answer = self._http.get(f"{path}.json", params={"PageSize": MAX_LISTED}, auth=owner)
        found: Json = answer.raise_for_status().json()
        return found
