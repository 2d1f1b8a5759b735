// View: the journal of requests to the Twilio API.

import { h, memoize } from "./dom.js";
import { MAX_REQUESTS } from "./loaders.js";
import { truncationNote, nameValueList } from "./name_value_lists.js";
import { formatMilliseconds, formatTimeOrDate } from "./time_formats.js";

export function requestsView(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Requests"),
    h("p", { class: "muted", key: "lead" }, "Requests to the Twilio API, newest first. Credentials are masked."),
    state.requests && (state.requests.length ? list(state.requests) : h("p", { class: "panel muted", key: "none" }, "This account has no requests yet. Each request is listed under the account that its URL names.")),
  ];
}

function list(requests) {
  return [truncationNote(requests, MAX_REQUESTS), h("ul", { class: "panel rows", key: "list" }, requests.map((request) => row(request, request.id)))];
}

const row = memoize((request) => {
  const isGood = request.status !== null && request.status < 400;
  return h(
    "li",
    { key: request.id },
    h(
      "details",
      { class: "attempt" },
      h(
        "summary",
        {},
        h("span", { class: `badge ${isGood ? "success" : "failed"}` }, request.status ?? "cut"),
        h("strong", {}, request.operation ?? "no operation"),
        h("span", {}, ` ${request.parameters.PhoneNumber ?? ""}`),
        h("span", { class: "muted" }, ` ${formatTimeOrDate(request.at)}, ${formatMilliseconds(request.elapsed_ms)}`),
        request.fault && h("span", { class: "badge" }, `fault: ${request.fault}`),
      ),
      nameValueList([
        ["Request", `${request.method} ${request.path}`],
        ["Error code", request.error_code ?? "none"],
        ["User name", request.username ?? "none"],
        ["Twilio-Request-Id", request.request_id],
        ...Object.entries(request.parameters),
      ]),
    ),
  );
});
