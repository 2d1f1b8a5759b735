// The header: account, clock, state of the connection, and links to the views.

import { countRinging } from "./announcements.js";
import { h } from "./dom.js";
import { ringingAccountsBadge } from "./ringing_accounts.js";
import { showAccount } from "./sync.js";
import { currentClockTime, formatTimeOfDay } from "./time_formats.js";
import { VIEWS } from "./views.js";

const CONNECTIONS = {
  connecting: ["", "Connecting"],
  live: ["success", "Live"],
  gone: ["failed", "Server unreachable"],
  refused: ["failed", "Access refused"],
  locked: ["", "Locked"],
};

export function header(state) {
  return h(
    "div",
    { class: "bar" },
    h("a", { class: "brand", href: "#/calls" }, icon(), "ringback"),
    state.accounts.length > 0 && state.connection !== "locked" && switcher(state),
    h("span", { class: "spacer" }),
    state.connection !== "locked" && alerts(state),
    state.clock && clock(state),
    connection(state),
    state.connection !== "locked" && views(state),
  );
}

function icon() {
  return h(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    h("rect", { width: 32, height: 32, rx: 8 }),
    h("path", { class: "handset", d: "M9.500 7.500h3.200l1.600 4.600-2.200 1.700a13 13 0 0 0 6.100 6.100l1.700-2.200 4.600 1.600v3.200c0 1-.8 1.800-1.800 1.800C14.600 23.800 8.200 17.400 7.700 9.300c0-1 .8-1.800 1.800-1.800z" }),
    h("path", { class: "waves", d: "M18.500 7.500a6.500 6.500 0 0 1 6 6M18.500 11a3 3 0 0 1 2.600 2.600" }),
  );
}

function switcher(state) {
  return h(
    "div",
    { class: "switcher" },
    h(
      "select",
      { "aria-label": "Account", value: state.account?.sid ?? "", onchange: (event) => showAccount(event.target.value) },
      state.accounts.map(({ sid, friendly_name: name }) => h("option", { key: sid, value: sid }, `\u2068${name}\u2069 (${sid.slice(0, 4)}…${sid.slice(-4)})`)),
    ),
  );
}

/** Return links to ringing phones and refused requests, for all views. */
function alerts(state) {
  const ringing = state.route.view !== "calls" && countRinging(state);
  const refused = state.refused?.length;
  return [
    ringing > 0 && h("a", { key: "ringing", class: "badge live", href: "#/calls" }, ringing === 1 ? "A phone is ringing" : `${ringing} phones are ringing`),
    ringingAccountsBadge(state),
    refused > 0 && h("a", { key: "refused", class: "badge failed", href: "#/refused" }, `${refused} refused`),
  ];
}

function clock(state) {
  const now = formatTimeOfDay(currentClockTime(state.clock, state.clockReadAt));
  const isFrozen = state.clock.mode === "frozen";
  return h(
    "a",
    { class: `clock ${isFrozen ? "frozen" : ""}`, href: "#/clock", title: "The account's clock" },
    h("span", { class: "unseen" }, "The account's clock: "),
    now,
    isFrozen && h("span", { class: "tag" }, "frozen"),
  );
}

function connection(state) {
  const [kind, text] = CONNECTIONS[state.connection];
  return h("span", { class: `connection ${kind}` }, h("span", { class: "dot", "aria-hidden": "true" }), text);
}

function views(state) {
  return h(
    "nav",
    { "aria-label": "Views" },
    h(
      "ul",
      {},
      Object.entries(VIEWS).map(([name, view]) =>
        h("li", { key: name }, h("a", { href: `#/${name}`, "aria-current": state.route.view === name ? "page" : null }, view.title)),
      ),
    ),
  );
}
