// The account's verified numbers.

import { attempt } from "./actions.js";
import { ask } from "./api.js";
import { h } from "./dom.js";
import { MOST_CALLER_IDS, refreshView } from "./loading.js";
import { countryOf, written } from "./numbers.js";
import { newestOnly } from "./pairs.js";
import { accountPath } from "./store.js";
import { dateAndTime } from "./times.js";

export function callerIds(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Caller IDs"),
    h("p", { class: "muted", key: "lead" }, "Numbers that are verified: an application may show them as caller ID."),
    form(),
    state.callerIds && (state.callerIds.length ? [newestOnly(state.callerIds, MOST_CALLER_IDS), table(state.callerIds)] : h("p", { class: "panel muted", key: "none" }, "This account has no caller IDs yet.")),
  ];
}

function form() {
  return h(
    "form",
    { class: "panel fields row", key: "form", onsubmit: place, "aria-label": "Verify a number without a call" },
    h("label", {}, "Phone number", h("input", { name: "phone_number", required: true, autocomplete: "off", inputmode: "tel", placeholder: "+14158675309" })),
    h("label", {}, "Friendly name", h("input", { name: "friendly_name", maxlength: 64, autocomplete: "off" })),
    h("button", {}, "Verify it without a call"),
  );
}

function table(callerIds) {
  return h(
    "div",
    { class: "panel scroll", key: "table", tabindex: 0, role: "region", "aria-label": "Caller IDs" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Number", "Friendly name", "Country", "SID", "Created", ""].map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))))),
      h(
        "tbody",
        {},
        callerIds.map((callerId) =>
          h(
            "tr",
            { key: callerId.sid },
            h("th", { scope: "row" }, written(callerId.phone_number)),
            h("td", {}, callerId.friendly_name),
            h("td", {}, countryOf(callerId.phone_number)),
            h("td", {}, h("code", {}, callerId.sid)),
            h("td", {}, dateAndTime(callerId.date_created)),
            h("td", {}, h("button", { class: "small", "aria-label": `Delete ${written(callerId.phone_number)}`, onclick: () => remove(callerId) }, "Delete")),
          ),
        ),
      ),
    ),
  );
}

async function place(event) {
  event.preventDefault();
  const { phone_number, friendly_name } = Object.fromEntries(new FormData(event.target));
  const body = friendly_name ? { phone_number, friendly_name } : { phone_number };
  if (await attempt(() => ask("POST", `${accountPath()}/caller-ids`, body), "the number is verified")) event.target.reset();
  await refreshView();
}

async function remove(callerId) {
  await attempt(() => ask("DELETE", `${accountPath()}/caller-ids/${callerId.sid}`), `${callerId.friendly_name} is a caller ID no longer`);
  await refreshView();
}
