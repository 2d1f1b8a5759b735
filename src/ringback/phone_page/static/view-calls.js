// The first view: the phones in front, the verifications behind them, and the trace of one.

import { h } from "./dom.js";
import { stage } from "./stage.js";
import { trace } from "./trace.js";
import { verifications } from "./verifications.js";

export function calls(state) {
  if (!state.account) return state.connection === "live" && h("p", { class: "panel" }, "This server has no account. ", h("a", { href: "#/account" }, "Make one"));
  const chosen = state.calls.get(state.route.call);
  return [
    h("h1", { class: "unseen", key: "title" }, "Calls"),
    stage(state),
    state.calls.size > 0 &&
      h(
        "div",
        { class: `behind ${state.route.call ? "chosen" : ""}`, key: "behind" },
        verifications(state),
        chosen ? trace(chosen, state) : state.isComplete && state.route.call ? missing() : hint(),
      ),
  ];
}

function missing() {
  return h("section", { class: "panel trace", key: "missing", "aria-label": "Trace" }, h("p", {}, "This call is not among those that are kept. ", h("a", { href: "#/calls" }, "Back to the list")));
}

function hint() {
  return h(
    "section",
    { class: "panel trace hint", key: "hint", "aria-label": "Trace" },
    h("p", {}, "Choose a verification to see its trace: the API request, the call, the digits keyed in, the caller ID, and every attempt at the StatusCallback."),
  );
}
