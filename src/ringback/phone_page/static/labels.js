// Labels: texts for calls, timeline entries, StatusCallbacks and behaviors.

const ENDED = new Set(["completed", "busy", "no-answer", "failed", "canceled"]);

const OUTCOMES = {
  "no-answer": ["failed", "No answer"],
  busy: ["failed", "Busy"],
  failed: ["failed", "Not reached"],
  canceled: ["failed", "Canceled"],
};

export const BEHAVIORS = {
  "enter-code": "answers and enters the correct code",
  "enter-wrong-code": "enters a wrong code at every prompt",
  "mistype-once": "enters a wrong code, then the correct one",
  "enter-nothing": "answers and stays silent",
  "hang-up": "answers and hangs up",
  busy: "is busy",
  "no-answer": "is never answered",
  unreachable: "cannot be reached",
  "geo-blocked": "is in a country that geo permissions block",
  manual: "rings until you answer it",
};

export function isLive(call) {
  return !ENDED.has(call.status);
}

/** Return a kind ("success", "failed", "live") and a short text for the state of a call. */
export function outcome(call) {
  if (call.verification_status === "success") return ["success", "Verified"];
  if (hasEvent(call, "supersede")) return ["failed", "Replaced"];
  if (call.phone?.behavior === "geo-blocked") return ["failed", "Country blocked"];
  if (OUTCOMES[call.status]) return OUTCOMES[call.status];
  if (hasEvent(call, "complete")) return ["failed", "Ended by the application"];
  if (call.status === "completed") return ["failed", call.attempts_left > 0 ? "Hung up" : isReached(call) ? lastMistake(call) : "Wrong extension"];
  return ["live", { queued: "Queued", ringing: "Ringing", "dialing-extension": "Dialing" }[call.state] ?? (isReached(call) ? "At the prompt" : "At a switchboard")];
}

/** Return a kind, a text for the state of a call's StatusCallback, and the number of attempts if it is of interest. */
export function callbackOutcome(call) {
  if (!call.callback) return ["none", "No StatusCallback requested", ""];
  const { status, attempts, fault, is_signature_valid: isValid, redirects } = call.callback;
  const [cause] = (fault ?? "").split(" ");
  const wrongly = isValid === false ? ", with an invalid signature from a fault" : "";
  const injected = fault && !["signature", "drop"].includes(cause) ? ` (fault: ${fault.replace("_", " ")})` : "";
  const more = `${wrongly}${redirects ? `, redirected ${redirects === 1 ? "once" : `${redirects} times`}` : ""}${injected}`;
  const tried = attempts ? ` after ${plural(attempts, "attempt")}` : "";
  if (!status) return isLive(call) ? ["none", "StatusCallback when the call ends", ""] : ["pending", "StatusCallback pending", ""];
  if (status === "pending") return ["pending", `StatusCallback ${attempts ? "retrying" : "pending"}${more}`, tried];
  if (status === "failed" && cause === "drop") return ["failed", "StatusCallback suppressed by a fault", ""];
  if (status === "failed") return ["failed", `StatusCallback failed${more}`, tried];
  return [wrongly ? "failed" : redirects ? "live" : "success", `StatusCallback delivered${more}`, attempts > 1 ? tried : ""];
}

/** Return whether the StatusCallback of an ended call is not delivered yet. */
export function isCallbackPending(call) {
  return !isLive(call) && call.callback !== null && !["delivered", "failed"].includes(call.callback.status);
}

/** Return whether the callee hears the prompt: a switchboard requires the phone's extension (without waits). */
export function isReached({ phone, extension }) {
  return !phone?.extension || phone.extension === (extension ?? "").replaceAll(/w/gi, "");
}

function hasEvent(call, name) {
  return call.timeline.some(({ event }) => event === name);
}

/** Return the kind and the text of a timeline entry. */
export function describeTimelineEntry(entry, call) {
  const { event, detail } = entry;
  const asks = isReached(call) ? "the prompt asks for the code" : "a switchboard hears the prompt";
  const [keys, result] = detail.includes(": ") ? detail.split(": ", 2) : ["", detail];
  switch (event) {
    case "queued":
      return ["call", `Queued: the number is called ${call.call_delay_seconds ? `after ${plural(call.call_delay_seconds, "second")}` : "immediately"}`];
    case "dial":
      if (detail === "line busy") return ["failed", "Number called: the line is busy"];
      if (detail === "geo-blocked") return ["failed", "Not called: geo permissions block its country"];
      if (detail === "unreachable") return ["failed", "Number called: it cannot be reached"];
      return ["call", "The phone is ringing"];
    case "answer":
      return ["call", call.extension ? "Answered: the extension is dialed" : `Answered: ${asks}`];
    case "extension-dialed":
      return ["call", `Extension ${call.extension} dialed: ${asks}`];
    case "reject":
      return ["failed", "Rejected"];
    case "ring-timeout":
      return ["failed", "No answer in time"];
    case "digits":
      if (result === "right code") return ["success", `${keys} entered: the correct code`];
      if (result === "fewer than six keys") return ["call", `${keys} entered, waiting for more`];
      return ["failed", `${keys} entered: ${hasExpired(entry) ? "the code has expired" : "a wrong code"}${result.endsWith("last attempt") ? ", the last attempt" : ""}`];
    case "prompt-timeout":
      return ["failed", `No code in time${detail === "last attempt" ? ", the last attempt" : ""}`];
    case "hang-up":
      return ["failed", "The callee hung up"];
    case "supersede":
      return ["failed", "Replaced by a newer validation request for this number"];
    case "cancel":
      return ["failed", "Canceled by the application"];
    case "complete":
      return ["failed", "Ended by the application"];
    case "ended":
      return [call.verification_status === "success" ? "success" : "failed", `Call ended: ${detail}`];
    default:
      return ["call", `${event} ${detail}`];
  }
}

/** Return the digits that the server received at the current prompt. */
export function keysAtServer(call) {
  const last = call.timeline.at(-1);
  const [keys, result] = last?.event === "digits" ? last.detail.split(": ", 2) : ["", ""];
  return result === "fewer than six keys" ? keys : "";
}

/** Return the mistake at the previous prompt; an empty string at the first prompt. */
export function lastMistake(call) {
  const last = call.timeline.findLast(({ event, detail }) => {
    return (event === "digits" && !detail.endsWith("fewer than six keys")) || event === "prompt-timeout";
  });
  if (!last) return "";
  if (last.event !== "digits") return "No code in time";
  return hasExpired(last) ? "The code has expired" : "Wrong code";
}

function hasExpired({ detail }) {
  return detail.includes(": the code has expired");
}

export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
