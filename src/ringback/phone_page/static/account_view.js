// The account: its credentials, a new account, and resets.

import { runAction, copyToClipboard } from "./actions.js";
import { callApi } from "./api.js";
import { h } from "./dom.js";
import { nameValueList } from "./name_value_lists.js";
import { accountPath, notifyListeners } from "./store.js";
import { showAccount, start } from "./sync.js";
import { formatDateAndTime } from "./time_formats.js";

let pendingReset = ""; // the reset that waits for confirmation: "account", "everything" or none

export function accountView(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Account"),
    state.account ? about(state.account) : h("p", { class: "panel", key: "none" }, "This server has no account. Create one, or reset everything."),
    h(
      "form",
      { class: "panel fields row", key: "new", onsubmit: create, "aria-label": "New account" },
      h("label", {}, "New account name", h("input", { name: "friendly_name", required: true, maxlength: 64, autocomplete: "off" })),
      h("button", {}, "Create an account"),
    ),
    h(
      "section",
      { class: "panel fields", key: "reset", "aria-labelledby": "reset-title" },
      h("h2", { id: "reset-title" }, "Reset"),
      state.account && reset("account", "Reset this account", "Deletes its caller IDs, calls, callbacks, phones, faults, policy, journals, inboxes, owned numbers, shared key and list of permissions used, and resets its clock to the system time. The account keeps its API keys, auth tokens, OAuth apps and subaccounts.", () => callApi("POST", `${accountPath()}/reset`)),
      reset("everything", "Reset everything", "Deletes all accounts and their data, then recreates the accounts in the settings and the seed file.", () => callApi("POST", "/reset")),
    ),
  ];
}

function about(present) {
  const { friendly_name: name, sid, auth_token: token, status, parent_sid: parent, date_created: created } = present;
  return h(
    "section",
    { class: "panel", key: "about", "aria-label": "The account" },
    nameValueList([["Name", name], ["Account SID", sid], ["Auth token", token], ["Status", status], ["Parent", parent ?? "none"], ["Created", formatDateAndTime(created)]]),
    h("p", { class: "actions" }, h("button", { onclick: () => copyToClipboard(sid, "The account SID was") }, "Copy SID"), h("button", { onclick: () => copyToClipboard(token, "The auth token was") }, "Copy token")),
  );
}

function reset(what, name, effect, action) {
  return h(
    "div",
    { key: what },
    h("p", { class: "muted" }, effect),
    pendingReset === what
      ? h("p", { class: "actions", key: "sure" }, h("button", { class: "danger", created: (button) => queueMicrotask(() => button.focus()), onclick: () => runReset(action) }, `${name}: yes`), h("button", { onclick: () => askForConfirmation(""), key: "no" }, "No"))
      : h("p", { key: "ask" }, h("button", { class: "danger", onclick: () => askForConfirmation(what) }, `${name} …`)),
  );
}

function askForConfirmation(what) {
  pendingReset = what;
  notifyListeners();
}

async function runReset(action) {
  pendingReset = "";
  await runAction(async () => {
    await action();
    await start();
  }, "the reset is complete");
}

async function create(event) {
  event.preventDefault();
  const { friendly_name } = Object.fromEntries(new FormData(event.target));
  await runAction(async () => {
    const account = await callApi("POST", "/accounts", { friendly_name });
    await showAccount(account.sid);
  }, `the account ${friendly_name} was created`);
  event.target.reset();
}
