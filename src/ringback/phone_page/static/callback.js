// The StatusCallback in a trace: each attempt opens to what was sent, what came back, and the signature's verdict.

import { attempt } from "./actions.js";
import { h } from "./dom.js";
import { pairs } from "./pairs.js";
import { dateAndTime, milliseconds, since } from "./times.js";
import { inboxName, redeliver, verdicts } from "./traces.js";
import { isLive, plural } from "./words.js";

const STANDS = {
  pending: ["pending", "StatusCallback: being sent …"],
  delivered: ["success", "StatusCallback delivered"],
  failed: ["failed", "StatusCallback failed"],
};

export function callback(call, known) {
  const { journal } = known;
  if (!call.status_callback) {
    return isLive(call) ? null : plain("none", "No StatusCallback was asked for");
  }
  if (!journal.status) return isLive(call) ? null : plain("pending", "StatusCallback: about to be sent …");
  const [kind, title] = STANDS[journal.status];
  const found = verdicts(known);
  return h(
    "li",
    { key: "callback", class: `step ${kind}` },
    h("span", { class: "time" }, journal.callbacks.length ? since(call.date_created, journal.callbacks[0].at) : ""),
    h(
      "div",
      { class: "what" },
      h("p", { class: "title" }, title, h("span", { class: "muted" }, ` ${plural(journal.callbacks.length, "attempt")}`)),
      journal.callbacks.map((sent, position) => attemptView(call, sent, found[position])),
      journal.status !== "pending" && h("p", {}, h("button", { class: "small", onclick: () => attempt(() => redeliver(call.sid), "the StatusCallback is being sent again") }, "Send again")),
    ),
  );
}

function plain(kind, title) {
  return h("li", { key: "callback", class: `step ${kind}` }, h("span", { class: "time" }), h("div", { class: "what" }, h("p", { class: "title" }, title)));
}

function attemptView(call, sent, verdict) {
  const isGood = sent.answer !== null && sent.answer.status_code < 400 && !sent.error;
  const result = sent.answer ? `${sent.answer.status_code}` : "no answer";
  return h(
    "details",
    { class: "attempt", key: sent.number },
    h(
      "summary",
      {},
      h("span", { class: `badge ${isGood ? "success" : "failed"}` }, result),
      verdict && h("span", { class: `badge ${verdict.is_right ? "success" : "failed"}` }, verdict.is_right ? "signature right" : "signature wrong"),
      ` ${sent.method} `,
      h("code", { class: "url" }, sent.url),
      h("span", { class: "muted" }, ` ${since(call.date_created, sent.at)}, ${milliseconds(sent.elapsed_ms)}`),
    ),
    sent.error && h("p", { class: "failed" }, sent.error),
    signature(call, verdict),
    h("h3", {}, "URL"),
    h("p", {}, h("code", {}, sent.url), h("span", { class: "muted" }, ` at ${dateAndTime(sent.at)}`)),
    h("h3", {}, "Answer"),
    sent.answer ? answer(sent.answer) : h("p", { class: "muted" }, "None came."),
    h("h3", {}, "Parameters"),
    pairs(Object.entries(sent.parameters)),
    h("h3", {}, "Headers"),
    pairs(Object.entries(sent.headers)),
  );
}

function signature(call, verdict) {
  if (verdict) return h("p", {}, h("strong", {}, "Signature: "), verdict.explanation);
  const text = inboxName(call.status_callback)
    ? "not judged, for the inbox does not hold this request"
    : "judged by its receiver; ringback judges what is sent to one of its inboxes";
  return h("p", { class: "muted" }, h("strong", {}, "Signature: "), text);
}

function answer({ status_code: status, body }) {
  return [h("p", {}, h("code", {}, status), !body && h("span", { class: "muted" }, " without a body")), body && h("pre", {}, body)];
}
