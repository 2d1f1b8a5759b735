// View: requests to Twilio that ringback refused.

import { h } from "./dom.js";
import { MAX_REFUSED } from "./loaders.js";
import { truncationNote } from "./name_value_lists.js";
import { formatTimeOrDate } from "./time_formats.js";

export function refusedRequestsView(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Refused"),
    h("p", { class: "muted", key: "lead" }, "Requests to Twilio resources that ringback does not emulate, newest first. ringback did not forward these requests. Omit or replace them in tests of your application."),
    state.refused && (state.refused.length ? [truncationNote(state.refused, MAX_REFUSED), h("ul", { class: "panel rows refused", key: "list" }, state.refused.map(row))] : h("p", { class: "panel muted", key: "none" }, "No request was refused. ringback intercepts requests if it is started with --intercept.")),
  ];
}

function row({ id, at, host, method, path, message }) {
  return h(
    "li",
    { key: id },
    h("p", {}, h("strong", {}, method), " ", h("code", {}, host + path), h("span", { class: "muted" }, ` ${formatTimeOrDate(at)}`)),
    h("p", { class: "muted small" }, message),
  );
}
