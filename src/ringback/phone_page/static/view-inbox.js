// The inboxes, ready-made receivers of StatusCallbacks, and the messages of one.

import { attempt, copy, INBOX_NAME } from "./actions.js";
import { ask, inboxUrl } from "./api.js";
import { h } from "./dom.js";
import { MOST_MESSAGES, refreshView } from "./loading.js";
import { filled, pairs } from "./pairs.js";
import { accountPath } from "./store.js";
import { shortMoment } from "./times.js";
import { plural } from "./words.js";

const INBOX = /\/_ringback\/accounts\/(AC[0-9a-f]{32})\/inbox\/([^/?#]+)/;

export function inbox(state) {
  if (!state.account) return null;
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Inbox"),
    h("p", { class: "muted", key: "lead" }, "A receiver that needs no code: give its URL as StatusCallback, and see here what came and whether its signature was right."),
    state.inbox.messages && h("div", { class: "behind inboxes", key: "behind" }, list(state), chosen(state)),
  ];
}

function list(state) {
  return h(
    "section",
    { class: "panel verifications", "aria-labelledby": "inboxes-title" },
    h("h2", { id: "inboxes-title" }, "Inboxes"),
    h("ul", { class: "rows" }, all(state).map((one) => entry(one, one.name === state.inbox.name))),
    h(
      "form",
      { class: "fields row", onsubmit: open, "aria-label": "Open an inbox" },
      h("label", {}, "Another inbox; any name will do", h("input", { name: "name", required: true, maxlength: 100, autocomplete: "off" })),
      h("button", {}, "Open"),
    ),
  );
}

function entry({ name, messages, newest_at: at }, isChosen) {
  return h(
    "li",
    { key: name },
    h(
      "a",
      { href: `#/inbox/${encodeURIComponent(name)}`, "aria-current": isChosen ? "true" : null, class: "entry" },
      h("span", { class: "number" }, h("bdi", {}, name)),
      h("span", { class: `badge ${messages ? "success" : ""}` }, plural(messages, "message")),
      at && h("span", { class: "muted name" }, `newest ${shortMoment(at)}`),
    ),
  );
}

function chosen(state) {
  const { name, messages, inboxes } = state.inbox;
  const count = inboxes.find((one) => one.name === name)?.messages ?? 0;
  return h(
    "section",
    { class: "panel fields messages", "aria-label": "Messages", key: `messages-${name}` },
    h("h2", { id: "inbox-title", tabindex: -1 }, h("bdi", {}, name)),
    h("p", { class: "actions" }, h("button", { onclick: () => copy(inboxUrl(state.account, name), "The URL was") }, "Copy its URL"), h("button", { disabled: !messages.length, onclick: () => empty(name) }, "Empty it")),
    count > MOST_MESSAGES && h("p", { class: "muted" }, `The newest ${MOST_MESSAGES} of ${count} messages`),
    messages.length
      ? h("ul", { class: "rows", key: "list" }, messages.map(message))
      : h("p", { class: "muted", key: "none" }, `This inbox has no messages. ${inboxes.length ? "Other inboxes have: choose one from the list." : "Give its URL as StatusCallback."}`),
  );
}

function empty(name) {
  return attempt(() => ask("DELETE", `${accountPath()}/inbox/${encodeURIComponent(name)}/messages`), "the inbox is empty").then(() => refreshView());
}

/** Return all inboxes: those with messages, and then those that were named but have none. */
function all(state) {
  const { name, inboxes } = state.inbox;
  const named = [...state.calls.values()].map((call) => inboxName(call.status_callback, state.account)).filter(Boolean);
  const known = new Set(inboxes.map((one) => one.name));
  const others = [...new Set([name, ...named, INBOX_NAME])].filter((other) => !known.has(other));
  return [...inboxes, ...others.map((other) => ({ name: other, messages: 0 }))];
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
  location.hash = `#/inbox/${encodeURIComponent(new FormData(event.target).get("name"))}`;
  event.target.reset();
}

function message(received) {
  const { is_valid: isValid, explanation, signed_url: signedUrl } = received.signature;
  return h(
    "li",
    { key: received.id },
    h(
      "details",
      { class: "attempt" },
      h(
        "summary",
        {},
        h("span", { class: `badge ${isValid ? "success" : "failed"}` }, isValid ? "signature right" : "signature wrong"),
        h("span", {}, ` ${received.method} `, h("code", { class: "url" }, received.url)),
        h("span", { class: "muted" }, ` ${shortMoment(received.at)}`),
      ),
      h("p", {}, explanation),
      h("h2", {}, "Parameters"),
      filled(received.parameters),
      !received.parameters.length && received.body && [h("h2", {}, "Body"), h("pre", {}, received.body)],
      h("h2", {}, "Headers"),
      pairs(Object.entries(received.headers)),
      h("h2", {}, "Signed text"),
      h("p", {}, h("code", {}, signedUrl)),
    ),
  );
}
