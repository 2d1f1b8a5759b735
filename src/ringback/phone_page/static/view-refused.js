// What was meant for Twilio, and refused.

import { h } from "./dom.js";
import { MOST_REFUSED } from "./loading.js";
import { newestOnly } from "./pairs.js";
import { shortMoment } from "./times.js";

export function refused(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Refused"),
    h("p", { class: "muted", key: "lead" }, "What applications asked of Twilio that is not emulated, newest first. None of it left this machine. Let the application leave it out where it is tested, or put a stand-in of its own there."),
    state.refused && (state.refused.length ? [newestOnly(state.refused, MOST_REFUSED), h("ul", { class: "panel rows refused", key: "list" }, state.refused.map(row))] : h("p", { class: "panel muted", key: "none" }, "No request was refused. ringback intercepts requests where it is started with --intercept.")),
  ];
}

function row({ id, at, host, method, path, message }) {
  return h(
    "li",
    { key: id },
    h("p", {}, h("strong", {}, method), " ", h("code", {}, host + path), h("span", { class: "muted" }, ` ${shortMoment(at)}`)),
    h("p", { class: "muted small" }, message),
  );
}
