// The account: its credentials, a new account, and resets.

import { attempt, copy } from "./actions.js";
import { ask } from "./api.js";
import { h } from "./dom.js";
import { pairs } from "./pairs.js";
import { accountPath, changed, state } from "./store.js";
import { openAccount, start } from "./sync.js";
import { dateAndTime } from "./times.js";

let asked = ""; // what is to be confirmed: "account", "everything" or nothing

export function account(shown) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Account"),
    shown.account ? about(shown.account) : h("p", { class: "panel", key: "none" }, "There is no account. Make one, or reset everything."),
    h(
      "form",
      { class: "panel fields row", key: "new", onsubmit: create, "aria-label": "A new account" },
      h("label", {}, "Name of a new account", h("input", { name: "friendly_name", required: true, maxlength: 64, autocomplete: "off" })),
      h("button", {}, "Make an account"),
    ),
    h(
      "section",
      { class: "panel fields", key: "reset", "aria-labelledby": "reset-title" },
      h("h2", { id: "reset-title" }, "Reset"),
      shown.account && reset("account", "Empty this account", "Deletes its caller IDs, calls, callbacks, phones, faults, policy and journals. The account itself stays.", () => ask("POST", `${accountPath()}/reset`)),
      reset("everything", "Reset everything", "Deletes all accounts and their data; the accounts of the settings and the seed file are made again.", () => ask("POST", "/reset")),
    ),
  ];
}

function about(present) {
  const { friendly_name: name, sid, auth_token: token, status, parent_sid: parent, date_created: created } = present;
  return h(
    "section",
    { class: "panel", key: "about", "aria-label": "The account" },
    pairs([["Name", name], ["Account SID", sid], ["Auth token", token], ["Status", status], ["Parent", parent ?? "none"], ["Created", dateAndTime(created)]]),
    h("p", { class: "actions" }, h("button", { onclick: () => copy(sid, "The account SID was") }, "Copy SID"), h("button", { onclick: () => copy(token, "The auth token was") }, "Copy token")),
  );
}

function reset(what, name, effect, action) {
  return h(
    "div",
    { key: what },
    h("p", { class: "muted" }, effect),
    asked === what
      ? h("p", { class: "actions", key: "sure" }, h("button", { class: "danger", created: (button) => queueMicrotask(() => button.focus()), onclick: () => confirmed(action) }, `${name}: yes`), h("button", { onclick: () => wonder(""), key: "no" }, "No"))
      : h("p", { key: "ask" }, h("button", { class: "danger", onclick: () => wonder(what) }, `${name} …`)),
  );
}

function wonder(what) {
  asked = what;
  changed();
}

async function confirmed(action) {
  asked = "";
  await attempt(async () => {
    await action();
    await start();
  }, "forgotten");
}

async function create(event) {
  event.preventDefault();
  const { friendly_name } = Object.fromEntries(new FormData(event.target));
  await attempt(async () => {
    const made = await ask("POST", "/accounts", { friendly_name });
    await openAccount(made.sid);
  }, `this is the account ${friendly_name}`);
  event.target.reset();
}
