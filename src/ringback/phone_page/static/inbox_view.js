// View: the inboxes of the account, and the messages of one.

import { runAction, copyToClipboard, INBOX_NAME } from "./actions.js";
import { callApi, inboxUrl } from "./api.js";
import { h } from "./dom.js";
import { MAX_MESSAGES, refreshView } from "./loaders.js";
import { parameterList, nameValueList } from "./name_value_lists.js";
import { accountPath } from "./store.js";
import { formatTimeOrDate } from "./time_formats.js";
import { plural } from "./labels.js";

const INBOX = /\/_ringback\/accounts\/(AC[0-9a-f]{32})\/inbox\/([^/?#]+)/;

export function inboxView(state) {
  if (!state.account) return null;
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Inbox"),
    h("p", { class: "muted", key: "lead" }, "A receiver that needs no code: use its URL as StatusCallback to see each request here, and whether its signature is valid."),
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
      h("label", {}, "Another inbox (any name)", h("input", { name: "name", required: true, maxlength: 100, autocomplete: "off" })),
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
      at && h("span", { class: "muted name" }, `newest ${formatTimeOrDate(at)}`),
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
    h("p", { class: "actions" }, h("button", { onclick: () => copyToClipboard(inboxUrl(state.account, name), "The URL was") }, "Copy the URL"), h("button", { disabled: !messages.length, onclick: () => empty(name) }, "Delete the messages")),
    count > MAX_MESSAGES && h("p", { class: "muted" }, `The newest ${MAX_MESSAGES} of ${count} messages`),
    messages.length
      ? h("ul", { class: "rows", key: "list" }, messages.map(message))
      : h("p", { class: "muted", key: "none" }, `This inbox has no messages. ${inboxes.length ? "Choose another inbox from the list." : "Use its URL as StatusCallback."}`),
  );
}

function empty(name) {
  return runAction(() => callApi("DELETE", `${accountPath()}/inbox/${encodeURIComponent(name)}/messages`), "the messages were deleted").then(() => refreshView());
}

/** Return all inboxes: first those with messages, then empty ones, to which calls send their StatusCallbacks. */
function all(state) {
  const { name, inboxes } = state.inbox;
  const named = [...state.calls.values()].map((call) => inboxName(call.status_callback, state.account)).filter(Boolean);
  const known = new Set(inboxes.map((one) => one.name));
  const others = [...new Set([name, ...named, INBOX_NAME])].filter((other) => !known.has(other));
  return [...inboxes, ...others.map((other) => ({ name: other, messages: 0 }))];
}

/** Return the name of the account's inbox that has this URL, or null. */
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
        h("span", { class: `badge ${isValid ? "success" : "failed"}` }, isValid ? "signature valid" : "signature invalid"),
        h("span", {}, ` ${received.method} `, h("code", { class: "url" }, received.url)),
        h("span", { class: "muted" }, ` ${formatTimeOrDate(received.at)}`),
      ),
      h("p", {}, explanation),
      h("h2", {}, "Parameters"),
      parameterList(received.parameters),
      !received.parameters.length && received.body && [h("h2", {}, "Body"), h("pre", {}, received.body)],
      h("h2", {}, "Headers"),
      nameValueList(Object.entries(received.headers)),
      h("h2", {}, "Signed text"),
      h("p", {}, h("code", {}, signedUrl)),
    ),
  );
}
