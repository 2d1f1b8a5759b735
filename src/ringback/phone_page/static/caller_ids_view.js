// View: the caller IDs of the account.

import { runAction } from "./actions.js";
import { callApi } from "./api.js";
import { h } from "./dom.js";
import { MAX_CALLER_IDS, refreshView } from "./loaders.js";
import { countryOf, formatNumber } from "./phone_numbers.js";
import { truncationNote } from "./name_value_lists.js";
import { accountPath } from "./store.js";
import { formatDateAndTime } from "./time_formats.js";

export function callerIdsView(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Caller IDs"),
    h("p", { class: "muted", key: "lead" }, "Verified numbers: an application may use them as caller IDs."),
    form(),
    state.callerIds && (state.callerIds.length ? [truncationNote(state.callerIds, MAX_CALLER_IDS), table(state.callerIds)] : h("p", { class: "panel muted", key: "none" }, "This account has no caller IDs yet.")),
  ];
}

function form() {
  return h(
    "form",
    { class: "panel fields row", key: "form", onsubmit: create, "aria-label": "Verify a number without a call" },
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
            h("th", { scope: "row" }, formatNumber(callerId.phone_number)),
            h("td", {}, callerId.friendly_name),
            h("td", {}, countryOf(callerId.phone_number)),
            h("td", {}, h("code", {}, callerId.sid)),
            h("td", {}, formatDateAndTime(callerId.date_created)),
            h("td", {}, h("button", { class: "small", "aria-label": `Delete ${formatNumber(callerId.phone_number)}`, onclick: () => remove(callerId) }, "Delete")),
          ),
        ),
      ),
    ),
  );
}

async function create(event) {
  event.preventDefault();
  const { phone_number, friendly_name } = Object.fromEntries(new FormData(event.target));
  const body = friendly_name ? { phone_number, friendly_name } : { phone_number };
  if (await runAction(() => callApi("POST", `${accountPath()}/caller-ids`, body), "the number is verified")) event.target.reset();
  await refreshView();
}

async function remove(callerId) {
  await runAction(() => callApi("DELETE", `${accountPath()}/caller-ids/${callerId.sid}`), `${callerId.friendly_name} is no longer a caller ID`);
  await refreshView();
}
