// What a screen reader says when a call moves, and what the tab's title shows.

import { nameOf, spoken } from "./numbers.js";
import { callbackOutcome, isLive, isReached, lastMistake, outcome, plural } from "./words.js";

/** Say what became of a call since it was `before`; `isNews` tells that its appearance is something new. */
export function tellOfMove(before, call, isNews) {
  if (!isNews) return;
  const number = spoken(call.phone_number);
  if (!isLive(call)) {
    const failure = callbackFailure(call);
    if (!before || isLive(before)) say(`${number}: ${outcome(call)[1]}. ${failure}`);
    else if (failure && before.callback.status !== call.callback.status) say(`${number}: ${failure}`);
  } else if (before?.timeline.length === call.timeline.length) {
    return;
  } else if (call.state === "ringing" && before?.state !== "ringing") {
    say(`${call.friendly_name || nameOf(call.phone_number)}, ${number}, rings.`);
  } else if (call.state === "prompting" && before?.state !== "prompting") {
    say(isReached(call) ? "Answered. Enter the six-digit code." : "A switchboard answered. Nobody hears the prompt.");
  } else if (before && before.attempts_left > call.attempts_left) {
    say(`${lastMistake(call)}. ${plural(call.attempts_left, "attempt")} left.`);
  }
}

/** Return a sentence about a StatusCallback that failed or was tampered with, or else nothing. */
function callbackFailure(call) {
  const [kind, text, attempts] = callbackOutcome(call);
  return kind === "failed" ? `${text}${attempts}.` : "";
}

export function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("announcements").replaceChildren(line);
}

export function countRinging(state) {
  return [...state.calls.values()].filter((call) => call.state === "ringing").length;
}

/** Show in the title of the tab how many phones ring. */
export function showInTitle(state) {
  const ringing = countRinging(state);
  const title = ringing ? `(${ringing}) ringing · ringback` : "ringback";
  if (document.title !== title) document.title = title;
}
