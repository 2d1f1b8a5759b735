// Links to other accounts in which phones are ringing.

import { h } from "./dom.js";
import { showAccount } from "./sync.js";

const MOST = 5;

/** Return a badge for the header that links to the first account in which phones are ringing. */
export function ringingAccountsBadge({ ringing }) {
  if (!ringing.length) return null;
  const [first] = ringing;
  const where = ringing.length > 1 ? `${ringing.length} accounts` : h("bdi", {}, first.friendly_name);
  return h("button", { key: "elsewhere", class: "badge live", title: "Phones are ringing in other accounts", onclick: () => show(first) }, "Ringing in ", where);
}

/** Return a button for each account in which phones are ringing. */
export function ringingAccountButtons({ ringing }) {
  return ringing.slice(0, MOST).map((account) => h("button", { key: account.account_sid, onclick: () => show(account) }, ringsIn(account)));
}

function ringsIn({ friendly_name: name, phones }) {
  return [phones > 1 ? `${phones} phones are ringing in ` : "A phone is ringing in ", h("bdi", {}, name)];
}

function show({ account_sid: sid }) {
  location.hash = "#/calls";
  return showAccount(sid);
}
