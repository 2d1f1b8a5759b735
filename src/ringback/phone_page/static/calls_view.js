// View: live calls, the list of verifications, and the trace of one verification.

import { h } from "./dom.js";
import { liveCalls } from "./live_calls.js";
import { traceView } from "./trace_view.js";
import { isPartial, readAllCalls, verificationList } from "./verification_list.js";

export function callsView(state) {
  if (!state.account) return state.connection === "live" && h("p", { class: "panel" }, "This server has no account. ", h("a", { href: "#/account" }, "Create one"));
  const chosen = state.calls.get(state.route.item);
  return [
    h("h1", { class: "unseen", key: "title" }, "Calls"),
    liveCalls(state),
    state.calls.size > 0 &&
      h(
        "div",
        { class: `behind ${state.route.item ? "chosen" : ""}`, key: "behind" },
        verificationList(state),
        chosen ? traceView(chosen, state) : state.isComplete && state.route.item ? missing(state) : hint(),
      ),
  ];
}

function missing(state) {
  return h(
    "section",
    { class: "panel trace", key: "missing", "aria-label": "Trace" },
    h("p", {}, isPartial(state) ? `This call is not among the newest ${state.limit} calls, which this page shows. ` : "This account does not have this call. It may have been deleted. ", h("a", { href: "#/calls" }, "Back to the list")),
    isPartial(state) && h("p", {}, h("button", { onclick: readAllCalls }, "Show older calls")),
  );
}

function hint() {
  return h(
    "section",
    { class: "panel trace hint", key: "hint", "aria-label": "Trace" },
    h("p", {}, "Select a verification to see its trace: the API request, the call, the entered digits, the caller ID, and every attempt to deliver the StatusCallback."),
  );
}
