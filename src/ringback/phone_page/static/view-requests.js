// The requests to the Twilio surface.

import { h, remembered } from "./dom.js";
import { MOST_REQUESTS } from "./loading.js";
import { newestOnly, pairs } from "./pairs.js";
import { milliseconds, shortMoment } from "./times.js";

export function requests(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Requests"),
    h("p", { class: "muted", key: "lead" }, "What applications asked of the Twilio surface, newest first. Credentials are masked."),
    state.requests && (state.requests.length ? list(state.requests) : h("p", { class: "panel muted", key: "none" }, "This account has no requests yet. A request is listed in the account that its URL names.")),
  ];
}

function list(found) {
  return [newestOnly(found, MOST_REQUESTS), h("ul", { class: "panel rows", key: "list" }, found.map((request) => row(request, request.id)))];
}

const row = remembered((request) => {
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
        h("span", { class: "muted" }, ` ${shortMoment(request.at)}, ${milliseconds(request.elapsed_ms)}`),
        request.fault && h("span", { class: "badge" }, `fault: ${request.fault}`),
      ),
      pairs([
        ["Request", `${request.method} ${request.path}`],
        ["Error code", request.error_code ?? "none"],
        ["User name", request.username ?? "none"],
        ["Twilio-Request-Id", request.request_id],
        ...Object.entries(request.parameters),
      ]),
    ),
  );
});
