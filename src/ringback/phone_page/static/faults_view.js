// View: faults for requests to the Twilio API, and for StatusCallbacks.

import { runAction } from "./actions.js";
import { callApi } from "./api.js";
import { h } from "./dom.js";
import { refreshView } from "./loaders.js";
import { accountPath, notifyListeners } from "./store.js";

const OF_OPERATIONS = [
  ["answered 429, too many requests", { status: 429 }],
  ["answered 500", { status: 500 }],
  ["answered 503, unavailable", { status: 503 }],
  ["answered 200 with an HTML page", { status: 200, body: "<html><body>Maintenance</body></html>", content_type: "text/html" }],
  ["answered after 2 seconds", { delay_seconds: 2 }],
  ["changed, then answered after 2 seconds", { delay_seconds: 2, when: "after" }],
  ["connection closed, nothing changed", { drop: "before" }],
  ["changed, then connection closed", { drop: "after" }],
];
const OF_CALLBACKS = [
  ["signed with an invalid signature", { signature: "bad" }],
  ["signed with the secondary token", { signature: "secondary" }],
  ["signed without the port", { signature: "without-port" }],
  ["sent twice", { duplicate: 2 }],
  ["sent twice at once", { duplicate: 2, at_once: true }],
  ["not sent", { drop: true }],
  ["sent after 2 seconds", { delay_seconds: 2 }],
];
let operation = "create-validation-request";

export function faultsView(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Faults"),
    h("p", { class: "muted", key: "lead" }, "Inject errors, delays and dropped connections into the Twilio API, and failures into StatusCallbacks, to see how your application handles them."),
    state.faultTargets && form(state.faultTargets),
    state.faults && (state.faults.length ? table(state.faults) : h("p", { class: "panel muted", key: "none" }, "This account has no faults.")),
  ];
}

function form(targets) {
  const effects = operation === "status-callback" ? OF_CALLBACKS : OF_OPERATIONS;
  return h(
    "form",
    { class: "panel fields row", key: "form", onsubmit: create, "aria-label": "New fault" },
    h("label", {}, "Where", h("select", { name: "operation", value: operation, onchange: choose }, targets.map((name) => h("option", { value: name }, name === "*" ? "every operation" : name)))),
    h("label", {}, "What", h("select", { name: "effect", key: effects.length }, effects.map(([name], position) => h("option", { value: position }, name)))),
    h("label", {}, "How often", h("select", { name: "times" }, h("option", { value: 1 }, "once"), h("option", { value: 2 }, "twice"), h("option", { value: 5 }, "five times"), h("option", { value: "" }, "always"))),
    h("button", { class: "primary" }, "Create the fault"),
  );
}

function choose(event) {
  operation = event.target.value;
  notifyListeners();
}

async function create(event) {
  event.preventDefault();
  const chosen = new FormData(event.target);
  const effects = operation === "status-callback" ? OF_CALLBACKS : OF_OPERATIONS;
  const fault = { operation, effect: effects[Number(chosen.get("effect"))][1] };
  if (chosen.get("times")) fault.times = Number(chosen.get("times"));
  await runAction(() => callApi("POST", `${accountPath()}/faults`, fault), "the fault was created");
  await refreshView();
}

function table(faults) {
  return h(
    "div",
    { class: "panel scroll", key: "table", tabindex: 0, role: "region", "aria-label": "Faults that can still be triggered" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Where", "What", "How often", "Triggered", ""].map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))))),
      h("tbody", {}, faults.map(row)),
    ),
    h("p", {}, h("button", { class: "small", onclick: () => remove("") }, "Delete all faults")),
  );
}

function row(fault) {
  return h(
    "tr",
    { key: fault.id },
    h("th", { scope: "row" }, fault.operation),
    h("td", {}, Object.entries(fault.effect).map(([name, value]) => `${name} ${value}`).join(", ")),
    h("td", {}, describeFrequency(fault)),
    h("td", {}, `${fault.triggered} of ${fault.trials}`),
    h("td", {}, h("button", { class: "small", "aria-label": `Delete fault ${fault.id}`, onclick: () => remove(`/${fault.id}`) }, "Delete")),
  );
}

function describeFrequency(fault) {
  if (fault.times_left !== null) return `${fault.times_left} more`;
  return fault.probability === null ? "always" : `with probability ${fault.probability}`;
}

async function remove(which) {
  await runAction(() => callApi("DELETE", `${accountPath()}/faults${which}`));
  await refreshView();
}
