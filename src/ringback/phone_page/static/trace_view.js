// The trace of one verification: API request, call, digits, caller ID and StatusCallback, with times.

import { callbackView } from "./callback_view.js";
import { isFrozen } from "./clock_controls.js";
import { h } from "./dom.js";
import { nameValueList } from "./name_value_lists.js";
import { countryOf, formatNumber } from "./phone_numbers.js";
import { formatDateAndTime, formatMilliseconds, formatElapsed } from "./time_formats.js";
import { callbackOutcome, isLive, outcome, describeTimelineEntry } from "./labels.js";

export function traceView(call, state) {
  const [kind, text] = outcome(call);
  const [callbackKind, callbackText, attempts] = callbackOutcome(call);
  const data = state.traces.get(call.sid);
  return h(
    "section",
    { class: "panel trace", key: call.sid, "aria-labelledby": "trace-title" },
    h("p", { class: "back" }, h("a", { href: "#/calls" }, "← All verifications")),
    h("h2", { id: "trace-title", tabindex: -1 }, formatNumber(call.phone_number), " ", h("span", { class: `badge ${kind}` }, text)),
    h("p", { class: `callback ${callbackKind}` }, callbackText, attempts),
    h("p", { class: "muted" }, call.friendly_name && [h("bdi", {}, call.friendly_name), " · "], [countryOf(call.phone_number), formatDateAndTime(call.date_created)].filter(Boolean).join(" · ")),
    h(
      "ol",
      { class: "steps-of-trace" },
      apiRequest(call, data),
      call.timeline.filter(({ event }) => event !== "ended").map((entry, position) => leg(call, entry, position)),
      endOfCall(call),
      callerId(call),
      data && callbackView(call, data),
    ),
    h("details", { class: "more" }, h("summary", {}, "All properties of this call"), nameValueList(about(call))),
  );
}

/** Return one step of a trace. `at` is null if its time is unknown. */
function step(call, { key, kind, title, at, note, body }) {
  return h(
    "li",
    { key, class: `step ${kind}` },
    h("span", { class: "time", title: at ? formatDateAndTime(at) : null }, at ? formatElapsed(call.date_created, at) : ""),
    h("div", { class: "what" }, h("p", { class: "title" }, title, note && h("span", { class: "muted" }, ` ${note}`)), body),
  );
}

function apiRequest(call, data) {
  const title = "API request: verify this number";
  const request = data?.request;
  if (!request) {
    const failure = data?.failures.request;
    const body = failure && h("p", { class: "failed" }, `The request journal cannot be read: ${failure}`);
    return step(call, { key: "request", kind: "request", title, at: call.date_created, body });
  }
  const note = `${request.status}, ${formatMilliseconds(request.elapsed_ms)}`;
  const body = h(
    "details",
    {},
    h("summary", {}, h("bdi", {}, h("code", {}, `${request.method} ${request.path}`))),
    nameValueList(Object.entries(request.parameters)),
    h("p", { class: "muted small" }, `Twilio-Request-Id ${request.request_id}`),
  );
  return step(call, { key: "request", kind: "request", title, note, at: call.date_created, body });
}

function leg(call, entry, position) {
  const [kind, title] = describeTimelineEntry(entry, call);
  return step(call, { key: `leg-${position}`, kind, title, at: entry.at });
}

function endOfCall(call) {
  if (isLive(call)) return step(call, { key: "end", kind: "pending", title: isFrozen() ? "The call is in progress, but time is frozen" : "The call is in progress …", at: null });
  const [kind] = outcome(call);
  return step(call, { key: "end", kind, title: `Call ended: ${call.status}, verification ${call.verification_status}`, at: call.ended_at });
}

function callerId(call) {
  if (isLive(call)) return null;
  const sid = call.outgoing_caller_id_sid;
  if (!sid) return step(call, { key: "caller-id", kind: "none", title: "No caller ID was created", at: null });
  const body = h("p", { class: "small" }, h("code", {}, sid));
  return step(call, { key: "caller-id", kind: "success", title: "Caller ID created", at: call.ended_at, body });
}

function about(call) {
  return [
    ["CallSid", call.sid],
    ["Validation code", call.validation_code],
    ["Phone", call.phone ? `${call.phone.behavior}, rings ${call.phone.ring_seconds} s, enters the code after ${call.phone.key_seconds} s` : "not dialed yet"],
    ["Attempts remaining", call.attempts_left],
    ["Extension", call.extension ?? "none"],
    ["Call delay", `${call.call_delay_seconds} s`],
    ["StatusCallback", call.status_callback ? `${call.status_callback_method} ${call.status_callback}` : "none"],
  ];
}
