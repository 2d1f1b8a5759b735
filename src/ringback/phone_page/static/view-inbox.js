// What came in at an inbox, the ready-made receiver of StatusCallbacks.

import { attempt, copy, INBOX_NAME } from "./actions.js";
import { ask, inboxUrl } from "./api.js";
import { h } from "./dom.js";
import { refreshView } from "./loading.js";
import { filled, pairs } from "./pairs.js";
import { accountPath, change } from "./store.js";
import { shortMoment } from "./times.js";

const INBOX = /\/_ringback\/accounts\/(AC[0-9a-f]{32})\/inbox\/([^/?#]+)/;

export function inbox(state) {
  const { name, messages } = state.inbox;
  if (!state.account) return null;
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Inbox"),
    h("p", { class: "muted", key: "lead" }, "A receiver that needs no code: give its URL as StatusCallback, and see here what came and whether its signature was right."),
    h(
      "form",
      { class: "panel fields row", key: "form", onsubmit: open, "aria-label": "Which inbox" },
      h("label", {}, "Inbox", h("input", { name: "name", value: name, required: true, maxlength: 100, list: "inboxes", autocomplete: "off" }), h("datalist", { id: "inboxes" }, names(state).map((known) => h("option", { value: known })))),
      h("button", {}, "Open"),
      h("button", { type: "button", onclick: () => copy(inboxUrl(state.account, name), "The URL was") }, "Copy its URL"),
      h("button", { type: "button", disabled: !messages?.length, onclick: empty }, "Empty it"),
    ),
    messages && (messages.length ? h("ul", { class: "panel rows", key: "list" }, messages.map(message)) : h("p", { class: "panel muted", key: "none" }, "Nothing came in yet.")),
  ];

  function empty() {
    return attempt(() => ask("DELETE", `${accountPath()}/inbox/${encodeURIComponent(name)}/messages`), "the inbox is empty").then(() => refreshView());
  }
}

/** Return the names of the inboxes that calls were given as StatusCallback. */
function names(state) {
  const found = [...state.calls.values()].map((call) => inboxName(call.status_callback, state.account)).filter(Boolean);
  return [...new Set([INBOX_NAME, ...found])];
}

/** Return the name of the account's inbox that a URL leads to, or null where it leads to none that can be written. */
function inboxName(url, account) {
  const [, sid, name] = INBOX.exec(url ?? "") ?? [];
  if (sid !== account.sid) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    return null;
  }
}

function open(event) {
  event.preventDefault();
  change({ inbox: { name: new FormData(event.target).get("name"), messages: null } });
  refreshView();
}

function message(received) {
  const { is_right: isRight, explanation, signed_url: signedUrl } = received.signature;
  return h(
    "li",
    { key: received.id },
    h(
      "details",
      { class: "attempt" },
      h(
        "summary",
        {},
        h("span", { class: `badge ${isRight ? "success" : "failed"}` }, isRight ? "signature right" : "signature wrong"),
        h("span", {}, ` ${received.method} `, h("code", { class: "url" }, received.url)),
        h("span", { class: "muted" }, ` ${shortMoment(received.at)}`),
      ),
      h("p", {}, explanation),
      h("h2", {}, "Parameters"),
      filled(received.parameters),
      h("h2", {}, "Headers"),
      pairs(Object.entries(received.headers)),
      h("h2", {}, "What is to be signed"),
      h("p", {}, h("code", {}, signedUrl)),
    ),
  );
}
