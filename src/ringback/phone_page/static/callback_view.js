// The StatusCallback in a trace: each attempt with its requests, its response, and the verdict on its signature.

import { runAction } from "./actions.js";
import { h } from "./dom.js";
import { parameterList, nameValueList } from "./name_value_lists.js";
import { formatDateAndTime, formatMilliseconds, formatElapsed } from "./time_formats.js";
import { redeliver } from "./trace_loader.js";
import { callbackOutcome, isLive, plural } from "./labels.js";

const BEHIND_A_PROXY =
  "A receiver behind a proxy may see a different URL: does the proxy terminate TLS, or change the host, port or path? An inbox behind the proxy shows the URL to sign.";

export function callbackView(call, { journal, failures }) {
  if (!call.status_callback) return isLive(call) ? null : plain("none", "No StatusCallback was requested");
  const failure = failures.journal && h("p", { class: "failed" }, `The journal of the StatusCallback cannot be read: ${failures.journal}`);
  if (!journal) return plain("pending", "StatusCallback", failure);
  if (!journal.status) return isLive(call) ? null : plain("pending", "StatusCallback: pending …", failure);
  const [kind, title] = journal.status === "pending" ? ["pending", "StatusCallback: being sent …"] : callbackOutcome(call);
  return h(
    "li",
    { key: "callback", class: `step ${kind}` },
    h("span", { class: "time" }, journal.callbacks.length ? formatElapsed(call.date_created, journal.callbacks[0].at) : ""),
    h(
      "div",
      { class: "what" },
      h("p", { class: "title" }, title, h("span", { class: "muted" }, ` ${plural(journal.callbacks.length, "attempt")}`)),
      failure,
      journal.callbacks.map((sent) => attemptView(call, sent)),
      journal.status !== "pending" && h("p", {}, h("button", { class: "small", onclick: () => runAction(() => redeliver(call.sid), "the StatusCallback is being sent again") }, "Send again")),
    ),
  );
}

function plain(kind, title, more) {
  return h("li", { key: "callback", class: `step ${kind}` }, h("span", { class: "time" }), h("div", { class: "what" }, h("p", { class: "title" }, title), more));
}

function attemptView(call, sent) {
  const isRedirected = sent.hops.length > 1;
  const last = isRedirected ? " of the last request" : "";
  return h(
    "details",
    { class: "attempt", key: sent.number },
    summary(call, sent),
    isRedirected && [h("h3", {}, `The ${sent.hops.length} requests of this attempt`), h("ol", { class: "hops" }, sent.hops.map(hopView))],
    h("h3", {}, `Signature${last}`),
    signature(sent),
    h("h3", {}, `Answer${last}`),
    sent.answer ? answer(sent.answer) : h("p", { class: "muted" }, "No response."),
    h("h3", {}, `Parameters${last}`),
    parameterList(Object.entries(sent.parameters)),
    h("h3", {}, `Headers${last}`),
    nameValueList(Object.entries(sent.headers)),
    h("p", { class: "muted small" }, `Sent ${formatDateAndTime(sent.at)}`),
  );
}

function summary(call, { answer: came, at, elapsed_ms: elapsed, error, hint, hops, mapped_to, method, signature: verdict, url }) {
  const isGood = came !== null && came.status_code < 400 && !error;
  const redirects = hops.slice(0, -1);
  return h(
    "summary",
    {},
    redirects.map((hop) => redirection(hop.status_code)),
    badge(isGood, came ? came.status_code : "no answer"),
    verdictBadge(verdict),
    where(redirects[0] ?? { method, url, mapped_to }),
    redirects.length > 0 && ` and ${plural(redirects.length, "redirect")}`,
    h("span", { class: "muted" }, ` ${formatElapsed(call.date_created, at)}, ${formatMilliseconds(elapsed)}`),
    error && h("span", { class: "reason failed" }, h("bdi", {}, error)),
    hint && h("span", { class: "reason warned" }, hint),
  );
}

/** Show one request of a redirected attempt, with the parameters that it carried. */
function hopView(hop, position) {
  const { elapsed_ms: elapsed, error, is_sent: isSent, location: target, parameters, signature: verdict, status_code: status } = hop;
  const carried = Object.entries(parameters);
  return h(
    "li",
    { key: position },
    h("p", {}, target === null ? badge(status !== null && status < 400, status ?? (isSent ? "no answer" : "not sent")) : redirection(status), " ", verdictBadge(verdict), where(hop), h("span", { class: "muted" }, ` ${formatMilliseconds(elapsed)}`)),
    target !== null && h("p", { class: "small" }, "redirects to ", h("bdi", {}, h("code", {}, target))),
    error && h("p", { class: "failed" }, h("bdi", {}, error)),
    isSent && (carried.length ? h("details", {}, h("summary", {}, `This request carried ${plural(carried.length, "parameter")}`), parameterList(carried)) : h("p", { class: "warned" }, "This request carried no parameters.")),
  );
}

/** Show what was requested, and where the host map sent it. */
function where({ mapped_to: target, method, url }) {
  return [` ${method} `, h("bdi", {}, h("code", { class: "url" }, url)), target && [" sent to ", h("bdi", {}, h("code", {}, target))]];
}

function verdictBadge(verdict) {
  return verdict && badge(verdict.is_valid, verdict.is_valid ? "signature valid" : "signature invalid");
}

function redirection(status) {
  return h("span", { class: "badge live" }, status);
}

function badge(isGood, text) {
  return h("span", { class: `badge ${isGood ? "success" : "failed"}` }, text);
}

/** Show whether a signature is valid, and what it covers. The summary above shows the URL. */
function signature({ headers, method, parameters, signature: verdict }) {
  if (!verdict) return h("p", { class: "muted" }, "The attempt did not reach a receiver.");
  const posted = method === "POST" ? sorted(parameters) : "";
  const what = posted ? "the URL and the parameters" : "the URL";
  return [
    h("p", {}, verdict.is_valid ? `Valid for ${what} that were sent. ${BEHIND_A_PROXY}` : `Invalid for ${what} that were sent: ${explainDifference(verdict)}`),
    nameValueList([["X-Twilio-Signature", headers["X-Twilio-Signature"] ?? ""]]),
    h("p", {}, posted ? ["The signed text is the URL, followed by the parameters sorted by name: ", h("bdi", {}, h("code", {}, posted))] : "The signed text is only the URL, including its query."),
  ];
}

function explainDifference({ difference, explanation, matching_url: matching, signed_url: signed }) {
  return difference && (!matching || matching === signed) ? difference : explanation;
}

/** Return the parameters of a POST as they are signed: sorted by name, without separators. */
function sorted(parameters) {
  return Object.keys(parameters)
    .sort()
    .map((name) => name + parameters[name])
    .join("");
}

function answer({ status_code: status, body }) {
  return [h("p", {}, h("code", {}, status), !body && h("span", { class: "muted" }, " without a body")), body && h("pre", {}, body)];
}
