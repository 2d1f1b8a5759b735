// The StatusCallback in a trace: each attempt opens to what was sent, what came back, and the signature's verdict.

import { attempt } from "./actions.js";
import { h } from "./dom.js";
import { filled, pairs } from "./pairs.js";
import { dateAndTime, milliseconds, since } from "./times.js";
import { redeliver } from "./traces.js";
import { callbackOutcome, isLive, plural } from "./words.js";

const BEHIND_A_PROXY =
  "A receiver that sees another URL will not agree: does a proxy end TLS, or change host, port or path? What it should have signed, an inbox behind it tells.";

export function callback(call, { journal, failures }) {
  if (!call.status_callback) return isLive(call) ? null : plain("none", "No StatusCallback was asked for");
  const failure = failures.journal && h("p", { class: "failed" }, `The StatusCallback's journal cannot be read: ${failures.journal}`);
  if (!journal) return plain("pending", "StatusCallback", failure);
  if (!journal.status) return isLive(call) ? null : plain("pending", "StatusCallback: about to be sent …", failure);
  const [kind, title] = journal.status === "pending" ? ["pending", "StatusCallback: being sent …"] : callbackOutcome(call);
  return h(
    "li",
    { key: "callback", class: `step ${kind}` },
    h("span", { class: "time" }, journal.callbacks.length ? since(call.date_created, journal.callbacks[0].at) : ""),
    h(
      "div",
      { class: "what" },
      h("p", { class: "title" }, title, h("span", { class: "muted" }, ` ${plural(journal.callbacks.length, "attempt")}`)),
      failure,
      journal.callbacks.map((sent) => attemptView(call, sent)),
      journal.status !== "pending" && h("p", {}, h("button", { class: "small", onclick: () => attempt(() => redeliver(call.sid), "the StatusCallback is being sent again") }, "Send again")),
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
    sent.answer ? answer(sent.answer) : h("p", { class: "muted" }, "None came."),
    h("h3", {}, `Parameters${last}`),
    filled(Object.entries(sent.parameters)),
    h("h3", {}, `Headers${last}`),
    pairs(Object.entries(sent.headers)),
    h("p", { class: "muted small" }, `Sent ${dateAndTime(sent.at)}`),
  );
}

function summary(call, { answer: came, at, elapsed_ms: elapsed, error, hint, hops, method, signature: verdict, url }) {
  const isGood = came !== null && came.status_code < 400 && !error;
  const redirects = hops.slice(0, -1);
  return h(
    "summary",
    {},
    redirects.map((hop) => redirection(hop.status_code)),
    badge(isGood, came ? came.status_code : "no answer"),
    verdictBadge(verdict),
    where(redirects[0] ?? { method, url }),
    redirects.length > 0 && ` and ${plural(redirects.length, "redirect")}`,
    h("span", { class: "muted" }, ` ${since(call.date_created, at)}, ${milliseconds(elapsed)}`),
    error && h("span", { class: "reason failed" }, h("bdi", {}, error)),
    hint && h("span", { class: "reason warned" }, hint),
  );
}

/** Show one request of an attempt that was redirected, with exactly the parameters that it carried. */
function hopView(hop, position) {
  const { elapsed_ms: elapsed, error, is_sent: isSent, location: target, parameters, signature: verdict, status_code: status } = hop;
  const carried = Object.entries(parameters);
  return h(
    "li",
    { key: position },
    h("p", {}, target === null ? badge(status !== null && status < 400, status ?? (isSent ? "no answer" : "not sent")) : redirection(status), " ", verdictBadge(verdict), where(hop), h("span", { class: "muted" }, ` ${milliseconds(elapsed)}`)),
    target !== null && h("p", { class: "small" }, "redirects to ", h("bdi", {}, h("code", {}, target))),
    error && h("p", { class: "failed" }, h("bdi", {}, error)),
    isSent && (carried.length ? h("details", {}, h("summary", {}, `This request carried ${plural(carried.length, "parameter")}`), filled(carried)) : h("p", { class: "warned" }, "This request carried no parameters.")),
  );
}

function where({ method, url }) {
  return [` ${method} `, h("bdi", {}, h("code", { class: "url" }, url))];
}

function verdictBadge(verdict) {
  return verdict && badge(verdict.is_valid, verdict.is_valid ? "signature right" : "signature wrong");
}

function redirection(status) {
  return h("span", { class: "badge live" }, status);
}

function badge(isGood, text) {
  return h("span", { class: `badge ${isGood ? "success" : "failed"}` }, text);
}

/** Say whether a signature is right, and for what; the URL itself stands above, in the summary. */
function signature({ headers, method, parameters: told, signature: verdict }) {
  if (!verdict) return h("p", { class: "muted" }, "Nothing was received: the attempt reached no receiver.");
  const posted = method === "POST" ? sorted(told) : "";
  const what = posted ? "the URL and the parameters" : "the URL";
  return [
    h("p", {}, verdict.is_valid ? `Right for ${what} that were sent. ${BEHIND_A_PROXY}` : `Wrong for ${what} that were sent: ${wrong(verdict)}`),
    pairs([["X-Twilio-Signature", headers["X-Twilio-Signature"] ?? ""]]),
    h("p", {}, posted ? ["The signed text is the URL, followed by the parameters by sorted name: ", h("bdi", {}, h("code", {}, posted))] : "The signed text is the URL alone, with its query."),
  ];
}

function wrong({ difference, explanation, matching_url: matching, signed_url: signed }) {
  return difference && matching === signed ? difference : explanation;
}

/** Return posted parameters as they are signed: by name, with nothing in between. */
function sorted(told) {
  return Object.keys(told)
    .sort()
    .map((name) => name + told[name])
    .join("");
}

function answer({ status_code: status, body }) {
  return [h("p", {}, h("code", {}, status), !body && h("span", { class: "muted" }, " without a body")), body && h("pre", {}, body)];
}
