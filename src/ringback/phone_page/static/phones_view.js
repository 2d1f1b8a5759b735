// View: the behavior of phones, as rules and as scripts for the next calls.

import { runAction } from "./actions.js";
import { callApi } from "./api.js";
import { h } from "./dom.js";
import { refreshView } from "./loaders.js";
import { formatNumber } from "./phone_numbers.js";
import { accountPath, state } from "./store.js";
import { BEHAVIORS, plural } from "./labels.js";

const SOURCES = { script: "script", rule: "its rule", reserved: "reserved number", default: "the account's rule", setting: "the setting" };
let script = [];

export function phonesView(pageState) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Phones"),
    h("p", { class: "muted", key: "lead" }, "A phone's behavior is determined by its script for the next calls, otherwise by its rule, otherwise by the account's rule."),
    h("div", { class: "halves", key: "forms" }, ruleForm(), scriptForm()),
    pageState.phones && table(pageState.phones),
  ];
}

function ruleForm() {
  return h(
    "form",
    { class: "panel fields", onsubmit: saveRule, "aria-labelledby": "rule-title" },
    h("h2", { id: "rule-title" }, "A rule, for every call"),
    h("label", {}, "Phone number, or default for all other phones", h("input", { name: "number", required: true, autocomplete: "off", placeholder: "default" })),
    h("label", {}, "Behavior", behaviors()),
    h("div", { class: "two" },
      h("label", {}, "Seconds until it is answered", h("input", { name: "ring_seconds", type: "number", min: 0, step: "any", placeholder: "default" })),
      h("label", {}, "Seconds until the code is entered", h("input", { name: "key_seconds", type: "number", min: 0, step: "any", placeholder: "default" })),
    ),
    h("label", {}, "Extension that callers must dial", h("input", { name: "extension", autocomplete: "off", placeholder: "none" })),
    h("button", { class: "primary" }, "Save the rule"),
  );
}

function scriptForm() {
  return h(
    "form",
    { class: "panel fields", onsubmit: queue, "aria-labelledby": "script-title" },
    h("h2", { id: "script-title" }, "A script, for the next calls"),
    h("label", {}, "Phone number", h("input", { name: "number", required: true, autocomplete: "off", inputmode: "tel", placeholder: "+14158675309" })),
    h("label", {}, "Behavior in the next call", behaviors()),
    h("p", { class: "actions" }, h("button", { type: "button", onclick: (event) => add(event.target.form) }, "Add to the script"), h("button", { type: "button", disabled: !script.length, onclick: clear }, "Clear the script")),
    h("ol", { class: "script" }, script.map((behavior) => h("li", {}, behavior))),
    h("button", { class: "primary", disabled: !script.length }, "Queue the script"),
  );
}

function behaviors() {
  return h("select", { name: "behavior" }, Object.entries(BEHAVIORS).map(([name, what]) => h("option", { value: name }, `${name}: ${what}`)));
}

function table({ phones, omitted }) {
  return h(
    "div",
    { class: "panel scroll", key: "table", tabindex: 0, role: "region", "aria-label": "Phones with a rule or a script" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Phone", "Next call", "Determined by", "Times", "Script", ""].map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))))),
      h("tbody", {}, phones.map(row)),
    ),
    omitted > 0 && h("p", { class: "muted" }, `and ${plural(omitted, "more number")} with a rule or a script`),
  );
}

function row(phone) {
  const number = phone.phone_number;
  const name = number === "default" ? "all others" : formatNumber(number);
  return h(
    "tr",
    { key: number },
    h("th", { scope: "row" }, name),
    h("td", {}, phone.behavior, phone.extension && ` (extension ${phone.extension})`),
    h("td", {}, SOURCES[phone.source] ?? phone.source),
    h("td", {}, `rings ${phone.ring_seconds} s, enters the code after ${phone.key_seconds} s`),
    h("td", {}, phone.script.map((entry) => entry.behavior).join(", ") || "none"),
    h(
      "td",
      { class: "actions" },
      isRuled(number) && h("button", { class: "small", key: "rule", "aria-label": `Delete rule of ${name}`, onclick: () => remove(number, "") }, "Delete rule"),
      phone.script.length > 0 && h("button", { class: "small", key: "script", "aria-label": `Delete script of ${name}`, onclick: () => remove(number, "/script") }, "Delete script"),
    ),
  );
}

function isRuled(number) {
  return state.phones.rules.some((rule) => rule.phone_number === number);
}

function path(number) {
  return `${accountPath()}/phones/${encodeURIComponent(number.trim())}`;
}

async function saveRule(event) {
  event.preventDefault();
  const { number, behavior, ring_seconds, key_seconds, extension } = Object.fromEntries(new FormData(event.target));
  const rule = { behavior };
  if (ring_seconds) rule.ring_seconds = Number(ring_seconds);
  if (key_seconds) rule.key_seconds = Number(key_seconds);
  if (extension) rule.extension = extension;
  if (await runAction(() => callApi("PUT", path(number), rule), `${number} has the rule ${behavior}`)) event.target.reset();
  await refreshView();
}

function add(form) {
  script = [...script, new FormData(form).get("behavior")];
  refreshView();
}

function clear() {
  script = [];
  refreshView();
}

async function queue(event) {
  event.preventDefault();
  const number = new FormData(event.target).get("number");
  await runAction(async () => {
    await callApi("POST", `${path(number)}/script`, script);
    script = [];
  }, `${number} has a script`);
  await refreshView();
}

async function remove(number, what) {
  await runAction(() => callApi("DELETE", path(number) + what), `deleted${what ? "; the rule applies again" : ""}`);
  await refreshView();
}
