// View: send a validation request as an application does, and show its code.

import { runAction, copyToClipboard, INBOX_NAME, requestManualCall } from "./actions.js";
import { inboxUrl, requestValidation } from "./api.js";
import { h } from "./dom.js";
import { snippets } from "./snippets.js";
import { focusPhone } from "./live_calls.js";
import { setState, notifyListeners } from "./store.js";

const fields = { PhoneNumber: "+14158675309", FriendlyName: "My phone", Extension: "", CallDelay: "", callback: "inbox", url: "", method: "POST", isManual: true };
let client = "curl";

export function tryItView(state) {
  const { account } = state;
  if (!account) return null;
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Try it"),
    h("p", { class: "muted", key: "lead" }, "Send a validation request, as your application does."),
    h("div", { class: "halves", key: "halves" }, form(account), h("div", {}, asCode(account), state.tryIt.answer && answered(state.tryIt.answer))),
  ];
}

function form(account) {
  return h(
    "form",
    { class: "panel fields", onsubmit: (event) => submit(event, account), oninput: read, "aria-label": "Validation request" },
    h("label", {}, "Phone number", h("input", { name: "PhoneNumber", value: fields.PhoneNumber, required: true, autocomplete: "off", inputmode: "tel" })),
    h("label", {}, "Friendly name", h("input", { name: "FriendlyName", value: fields.FriendlyName, maxlength: 64, autocomplete: "off" })),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "isManual", checked: fields.isManual }), "Ring until I answer"),
    h(
      "label",
      {},
      "StatusCallback",
      h("select", { name: "callback", value: fields.callback }, h("option", { value: "inbox" }, "to a ringback inbox"), h("option", { value: "url" }, "to a URL"), h("option", { value: "none" }, "none")),
    ),
    fields.callback === "url" && h("label", { key: "url" }, "URL", h("input", { name: "url", type: "url", required: true, value: fields.url, autocomplete: "off" })),
    h(
      "details",
      {},
      h("summary", {}, "More parameters"),
      h("div", { class: "fields" },
        h("label", {}, "Extension", h("input", { name: "Extension", value: fields.Extension, autocomplete: "off" })),
        h("label", {}, "Call delay, seconds", h("input", { name: "CallDelay", type: "number", min: 0, max: 60, value: fields.CallDelay })),
        h("label", {}, "StatusCallbackMethod", h("select", { name: "method", value: fields.method }, h("option", {}, "POST"), h("option", {}, "GET"))),
      ),
    ),
    h("button", { class: "primary" }, "Send the request"),
  );
}

function read(event) {
  const { name, type, checked, value } = event.target;
  fields[name] = type === "checkbox" ? checked : value;
  notifyListeners();
}

function parameters(account) {
  const { PhoneNumber, FriendlyName, Extension, CallDelay, callback, url, method } = fields;
  const target = { inbox: inboxUrl(account, INBOX_NAME), url, none: "" }[callback];
  const all = { PhoneNumber, FriendlyName, Extension, CallDelay, StatusCallback: target, StatusCallbackMethod: target && method === "GET" ? "GET" : "" };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

async function submit(event, account) {
  event.preventDefault();
  await runAction(async () => {
    const request = () => requestValidation(account, parameters(account));
    const answer = await (fields.isManual ? requestManualCall(fields.PhoneNumber, request) : request());
    setState({ tryIt: { answer } });
    if (!answer.json.call_sid) return;
    location.hash = "#/calls";
    if (fields.isManual) focusPhone(answer.json.call_sid);
  });
}

function asCode(account) {
  const all = snippets(account, parameters(account));
  const [, text] = all.find(([name]) => name === client);
  return h(
    "section",
    { class: "panel", "aria-labelledby": "code-title" },
    h("h2", { id: "code-title" }, "The same request in code"),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": "Client" },
      all.map(([name]) => h("button", { key: name, "aria-pressed": String(name === client), onclick: () => choose(name) }, name)),
      h("span", { class: "spacer", key: "spacer" }),
      h("button", { key: "copy", onclick: () => copyToClipboard(text, "The lines were") }, "Copy"),
    ),
    h("pre", { tabindex: 0, "aria-label": `The request in ${client}` }, text),
  );
}

function choose(name) {
  client = name;
  notifyListeners();
}

function answered({ status, json }) {
  return h(
    "section",
    { class: "panel", "aria-labelledby": "answer-title", key: "answer" },
    h("h2", { id: "answer-title" }, "The last response ", h("span", { class: `badge ${status < 400 ? "success" : "failed"}` }, status)),
    h("pre", { tabindex: 0, "aria-label": "The last response" }, JSON.stringify(json, null, 2)),
  );
}
