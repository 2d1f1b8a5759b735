// The list of verifications, newest first.

import { runAction } from "./actions.js";
import { h, memoize } from "./dom.js";
import { countryOf, formatNumber } from "./phone_numbers.js";
import { state } from "./store.js";
import { readEverything } from "./sync.js";
import { formatTimeOrDate, formatTimeOfDay } from "./time_formats.js";
import { callbackOutcome, outcome } from "./labels.js";

const MAX_CALLS = 1_000; // the number of calls that an account keeps

export function verificationList(pageState) {
  const calls = [...pageState.calls.values()];
  const today = new Date().toDateString();
  return h(
    "section",
    { class: "panel verifications", "aria-labelledby": "verifications-title" },
    h("h2", { id: "verifications-title" }, "Verifications ", h("span", { class: "muted" }, calls.length)),
    h("ul", { class: "rows" }, calls.map((call) => row(call, pageState.route.item === call.sid, today, formatNumber(call.phone_number)))),
    isPartial(pageState) && h("p", {}, h("button", { onclick: readAllCalls }, "Show older calls")),
  );
}

const row = memoize((call, isChosen) => {
  const [kind, text] = outcome(call);
  const [callbackKind, callbackText, attempts] = callbackOutcome(call);
  return h(
    "li",
    { key: call.sid },
    h(
      "a",
      { href: `#/calls/${call.sid}`, "aria-current": isChosen ? "true" : null, class: "entry" },
      h("span", { class: "number" }, formatNumber(call.phone_number)),
      h("span", { class: `badge ${kind}` }, text),
      h("span", { class: "muted name" }, call.friendly_name || countryOf(call.phone_number)),
      h("time", { class: "muted", datetime: call.date_created, title: formatTimeOrDate(call.date_created) }, formatTimeOfDay(call.date_created)),
      h("span", { class: `callback ${callbackKind}` }, callbackText, attempts),
    ),
  );
});

/** Return whether the account may have older calls than the listed ones. */
export function isPartial({ calls, limit }) {
  return calls.size >= limit && limit < MAX_CALLS;
}

/** Read all calls that the account keeps. */
export function readAllCalls() {
  state.limit = MAX_CALLS;
  return runAction(readEverything);
}
