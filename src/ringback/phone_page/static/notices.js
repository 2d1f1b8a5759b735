// Notices: errors, completed actions, and the loss of the connection.

import { h } from "./dom.js";
import { setState } from "./store.js";

export function notices(state) {
  const { notice } = state;
  return [
    h(
      "div",
      { key: "gone", role: "alert" },
      state.connection === "gone" &&
        h("p", { class: "banner bad" }, h("strong", {}, "The server does not respond."), " This page shows the last known state. Reconnecting …"),
    ),
    h(
      "div",
      { key: "notice", role: "alert" },
      notice &&
        h(
          "p",
          { class: `banner ${notice.kind === "error" ? "bad" : "good"}` },
          h("span", {}, h("strong", {}, capitalized(notice.text)), notice.hint && ` (${notice.hint})`),
          h("button", { class: "quiet", onclick: () => setState({ notice: null }), "aria-label": "Dismiss this message" }, "×"),
        ),
    ),
  ];
}

function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
