// What was meant for Twilio, and refused.

import { h } from "./dom.js";
import { MOST_REFUSED } from "./loading.js";
import { newestOnly } from "./pairs.js";
import { shortMoment } from "./times.js";

export function refused(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Refused"),
    h("p", { class: "muted", key: "lead" }, "Requests to Twilio that ringback does not emulate, newest first. None of them left this machine. Let the application leave them out in tests, or replace them there."),
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
