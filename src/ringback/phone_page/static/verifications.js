// The list of verifications, newest first.

import { attempt } from "./actions.js";
import { h, remembered } from "./dom.js";
import { countryOf, written } from "./numbers.js";
import { state } from "./store.js";
import { readAll } from "./sync.js";
import { shortMoment, timeOfDay } from "./times.js";
import { callbackOutcome, outcome } from "./words.js";

const MOST = 1_000; // the number of calls that an account keeps

export function verifications(shown) {
  const calls = [...shown.calls.values()];
  const today = new Date().toDateString();
  return h(
    "section",
    { class: "panel verifications", "aria-labelledby": "verifications-title" },
    h("h2", { id: "verifications-title" }, "Verifications ", h("span", { class: "muted" }, calls.length)),
    h("ul", { class: "rows" }, calls.map((call) => row(call, shown.route.item === call.sid, today, written(call.phone_number)))),
    isPartial(shown) && h("p", {}, h("button", { onclick: readMore }, "Show older ones, too")),
  );
}

const row = remembered((call, isChosen) => {
  const [kind, text] = outcome(call);
  const [callbackKind, callbackText, attempts] = callbackOutcome(call);
  return h(
    "li",
    { key: call.sid },
    h(
      "a",
      { href: `#/calls/${call.sid}`, "aria-current": isChosen ? "true" : null, class: "entry" },
      h("span", { class: "number" }, written(call.phone_number)),
      h("span", { class: `badge ${kind}` }, text),
      h("span", { class: "muted name" }, call.friendly_name || countryOf(call.phone_number)),
      h("time", { class: "muted", datetime: call.date_created, title: shortMoment(call.date_created) }, timeOfDay(call.date_created)),
      h("span", { class: `callback ${callbackKind}` }, callbackText, attempts),
    ),
  );
});

/** Tell whether the account may have older calls than those that are shown. */
export function isPartial({ calls, limit }) {
  return calls.size >= limit && limit < MOST;
}

/** Read as many calls as an account keeps. */
export function readMore() {
  state.limit = MOST;
  return attempt(readAll);
}
