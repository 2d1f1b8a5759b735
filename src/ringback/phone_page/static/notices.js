// What went wrong or was done, and whether the server is there.

import { h } from "./dom.js";
import { change } from "./store.js";

export function notices(state) {
  const { notice } = state;
  return [
    h(
      "div",
      { key: "gone", role: "alert" },
      state.connection === "gone" &&
        h("p", { class: "banner bad" }, h("strong", {}, "The server is gone."), " What you see is what was last known. Trying to reach it again …"),
    ),
    h(
      "div",
      { key: "notice", role: "alert" },
      notice &&
        h(
          "p",
          { class: `banner ${notice.kind === "error" ? "bad" : "good"}` },
          h("span", {}, h("strong", {}, capitalized(notice.text)), notice.hint && ` (${notice.hint})`),
          h("button", { class: "quiet", onclick: () => change({ notice: null }), "aria-label": "Dismiss this message" }, "×"),
        ),
    ),
  ];
}

function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
