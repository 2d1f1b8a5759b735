// The first view: the phones in front, the verifications behind them, and the trace of one.

import { h } from "./dom.js";
import { stage } from "./stage.js";
import { trace } from "./trace.js";
import { isPartial, readMore, verifications } from "./verifications.js";

export function calls(state) {
  if (!state.account) return state.connection === "live" && h("p", { class: "panel" }, "This server has no account. ", h("a", { href: "#/account" }, "Make one"));
  const chosen = state.calls.get(state.route.item);
  return [
    h("h1", { class: "unseen", key: "title" }, "Calls"),
    stage(state),
    state.calls.size > 0 &&
      h(
        "div",
        { class: `behind ${state.route.item ? "chosen" : ""}`, key: "behind" },
        verifications(state),
        chosen ? trace(chosen, state) : state.isComplete && state.route.item ? missing(state) : hint(),
      ),
  ];
}

function missing(state) {
  return h(
    "section",
    { class: "panel trace", key: "missing", "aria-label": "Trace" },
    h("p", {}, isPartial(state) ? `This call is not among the newest ${state.limit}, which are shown. ` : "This account does not have this call, or no longer. ", h("a", { href: "#/calls" }, "Back to the list")),
    isPartial(state) && h("p", {}, h("button", { onclick: readMore }, "Show older ones, too")),
  );
}

function hint() {
  return h(
    "section",
    { class: "panel trace hint", key: "hint", "aria-label": "Trace" },
    h("p", {}, "Choose a verification to see its trace: the API request, the call, the digits keyed in, the caller ID, and every attempt at the StatusCallback."),
  );
}
