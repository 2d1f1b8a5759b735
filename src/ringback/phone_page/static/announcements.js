// Announcements for screen readers when a call changes, and the title of the tab.

import { defaultName, spellOut } from "./phone_numbers.js";
import { callbackOutcome, isLive, isReached, lastMistake, outcome, plural } from "./labels.js";

/** Announce how a call changed since its state `before`. If `isNews` is false, the user already knows. */
export function announceCallChange(before, call, isNews) {
  if (!isNews) return;
  const number = spellOut(call.phone_number);
  if (!isLive(call)) {
    const failure = callbackFailure(call);
    if (!before || isLive(before)) announce(`${number}: ${outcome(call)[1]}. ${failure}`);
    else if (failure && before.callback.status !== call.callback.status) announce(`${number}: ${failure}`);
  } else if (before?.timeline.length === call.timeline.length) {
    return;
  } else if (call.state === "ringing" && before?.state !== "ringing") {
    announce(`${call.friendly_name || defaultName(call.phone_number)}, ${number}, is ringing.`);
  } else if (call.state === "prompting" && before?.state !== "prompting") {
    announce(isReached(call) ? "Answered. Enter the six-digit code." : "A switchboard answered. The phone was not reached.");
  } else if (before && before.attempts_left > call.attempts_left) {
    announce(`${lastMistake(call)}. ${plural(call.attempts_left, "attempt")} remaining.`);
  }
}

/** Return a sentence about a StatusCallback that failed or that a fault changed, or an empty string. */
function callbackFailure(call) {
  const [kind, text, attempts] = callbackOutcome(call);
  return kind === "failed" ? `${text}${attempts}.` : "";
}

export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("announcements").replaceChildren(line);
}

export function countRinging(state) {
  return [...state.calls.values()].filter((call) => call.state === "ringing").length;
}

/** Show the number of ringing phones in the title of the tab. */
export function updateTitle(state) {
  const ringing = countRinging(state);
  const title = ringing ? `(${ringing}) ringing · ringback` : "ringback";
  if (document.title !== title) document.title = title;
}
