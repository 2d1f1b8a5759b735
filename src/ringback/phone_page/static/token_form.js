// The form for the control token of the server.

import { storeToken } from "./api.js";
import { h } from "./dom.js";
import { setState } from "./store.js";
import { start } from "./sync.js";

export function tokenForm(state) {
  return h(
    "section",
    { class: "panel narrow" },
    h("h1", {}, "This server requires its control token"),
    h("p", {}, "It was started with the setting ", h("code", {}, "control_token"), ". This tab remembers what you enter until it is closed."),
    h(
      "form",
      { onsubmit: enter, class: "fields" },
      h("label", {}, "Control token", h("input", { name: "token", type: "password", required: true, autocomplete: "off", created: focusLater })),
      h("button", { class: "primary" }, "Open the page"),
      state.lockedReason === "wrong" && h("p", { class: "failed", role: "alert" }, "This is not the control token of the server."),
    ),
  );
}

function focusLater(input) {
  queueMicrotask(() => input.focus());
}

async function enter(event) {
  event.preventDefault();
  const token = new FormData(event.target).get("token");
  if (!/^[!-~]+$/.test(token)) return setState({ lockedReason: "wrong" }); // a header cannot contain it
  storeToken(token);
  await start();
}
