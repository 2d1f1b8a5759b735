// The card of one call: the application under test, the phone in its state, and the timeline.

import { actAsCallee } from "./actions.js";
import { isFrozen } from "./clock_controls.js";
import { h } from "./dom.js";
import { eraseButton, pendingKeys, withoutPauses, keypad, handleKey } from "./keypad.js";
import { countryOf, formatNumber } from "./phone_numbers.js";
import { dismiss } from "./sync.js";
import { formatElapsed } from "./time_formats.js";
import { callbackOutcome, isLive, isReached, keysAtServer, lastMistake, outcome, plural, describeTimelineEntry } from "./labels.js";

const CALLER = "+14157234000"; // the number from which Twilio calls
const CODE_DIGITS = 6;

const SCREENS = { queued, ringing, "dialing-extension": dialing, prompting };

export function phoneCard(call, state) {
  const title = `phone-${call.sid}`;
  const kind = isLive(call) ? call.state : outcome(call)[0];
  return h(
    "article",
    { class: `card ${kind}`, "data-call": call.sid, "data-state": call.state, "aria-labelledby": title, "data-refuge": "[href], .keys, .hang-up", onkeydown: (event) => handleKey(event, call) },
    appUnderTest(call, state, title),
    h("div", { class: "phone" }, h("div", { class: "screen" }, (SCREENS[call.state] ?? ended)(call, state))),
    timeline(call),
  );
}

function appUnderTest(call, state, title) {
  const country = countryOf(call.phone_number);
  return h(
    "div",
    { class: "app" },
    h("p", { class: "eyebrow" }, "Account ", h("bdi", {}, state.account?.friendly_name ?? call.account_sid), " asks to verify"),
    h("h3", { id: title }, formatNumber(call.phone_number)),
    h("p", { class: "muted" }, call.friendly_name ? [h("bdi", {}, call.friendly_name), country && ` · ${country}`] : country || "no friendly name"),
    h(
      "div",
      { class: "window" },
      h("p", { class: "window-bar" }, "The app under test shows"),
      h("p", {}, "We are calling you. Enter this code on your phone:"),
      h("p", { class: "code", role: "img", "aria-label": `Code ${[...call.validation_code].join(" ")}` }, [...call.validation_code].map((digit) => h("span", { "aria-hidden": "true" }, digit))),
    ),
    h("p", { class: "muted small" }, behavior(call)),
  );
}

function behavior(call) {
  if (!call.phone) return "";
  if (call.phone.behavior === "manual") return isLive(call) && "This phone is waiting for you.";
  const acts = `This phone acts automatically (${call.phone.behavior})`;
  if (!isLive(call)) return `${acts}.`;
  return isFrozen() ? `${acts}, but time is frozen: it does nothing until the clock is advanced. You can act for it.` : `${acts}. You can act first.`;
}

function queued(call) {
  const clock = isFrozen() ? ", by the account's clock, which is frozen" : "";
  const delay = call.call_delay_seconds ? `It rings ${plural(call.call_delay_seconds, "second")} after the request${clock}.` : "It will ring immediately.";
  return [caller("Not called yet"), h("p", { class: "says" }, delay)];
}

function ringing(call) {
  return [
    caller("Incoming call"),
    rings(),
    h(
      "div",
      { class: "hooks", key: "hooks" },
      h("button", { class: "hang-up", onclick: () => actAsCallee(call, "reject") }, handset(), "Reject"),
      h("button", { class: "answer", onclick: () => answer(call) }, handset(), "Answer"),
    ),
  ];
}

/** Return a picture of a ringing phone, as decoration. */
export function idlePhone() {
  const hooks = h("div", { class: "hooks" }, h("span", { class: "hang-up" }, handset()), h("span", { class: "answer" }, handset()));
  return h("div", { class: "phone", "aria-hidden": "true" }, h("div", { class: "screen" }, caller("Incoming call"), rings(), hooks));
}

function rings() {
  return h("div", { class: "rings", "aria-hidden": "true", key: "rings" }, h("span", {}), h("span", {}), h("span", {}), handset());
}

async function answer(call) {
  if (await actAsCallee(call, "answer")) requestAnimationFrame(() => document.querySelector(`[data-call="${call.sid}"] .keys`)?.focus());
}

function dialing(call) {
  return [caller("Connected"), h("p", { class: "says" }, `A switchboard answers. Extension ${call.extension} is dialed …`), hangUp(call)];
}

function unreached(call) {
  const says = `A switchboard answered; ${call.extension ? `extension ${call.extension}` : "no extension"} was dialed: the phone was not reached. This phone has the extension ${call.phone.extension}.`;
  return [caller("Connected"), h("p", { class: "says" }, says), hangUp(call)];
}

function prompting(call) {
  if (!isReached(call)) return unreached(call);
  const entered = keysAtServer(call) + pendingKeys(call);
  const keys = withoutPauses(entered);
  const pauses = entered.length - keys.length;
  const mistake = lastMistake(call);
  return [
    caller("Connected"),
    h("p", { class: "says", key: "says" }, mistake ? `${mistake}. Please enter the six digits again.` : "“Please enter the six-digit code.”"),
    h(
      "p",
      { class: `digits ${mistake && !keys ? "wrong" : ""}`, key: `digits-${call.attempts_left}`, "aria-label": entered ? `Entered: ${[...entered].join(" ").replaceAll("w", "pause")}` : "Nothing entered yet", role: "img" },
      Array.from({ length: CODE_DIGITS }, (_, place) => h("span", { class: keys[place] ? "filled" : "" }, keys[place] ?? "")),
    ),
    h("p", { class: `small ${call.attempts_left === 1 ? "last" : ""}`, key: "left" }, `${plural(call.attempts_left, "attempt")} remaining${pauses ? `, ${plural(pauses, "pause")} of 0.5 s entered` : ""}`),
    keypad(call),
    h("div", { class: "hooks", key: "hooks" }, hangUpButton(call), eraseButton(call)),
  ];
}

function ended(call) {
  const [kind, text] = outcome(call);
  const [, ...callback] = callbackOutcome(call);
  return [
    caller("Call ended"),
    h("div", { class: `mark ${kind}`, "aria-hidden": "true", key: "mark" }, mark(kind)),
    h("p", { class: "result", key: "result" }, kind === "success" ? "Verified" : `Not verified: ${text.toLowerCase()}`),
    h("p", { class: "small", key: "more" }, kind === "success" ? "The code was correct. The number may be used as a caller ID." : "No caller ID was created."),
    h("p", { class: "small", key: "callback" }, callback),
    h(
      "p",
      { class: "actions", key: "actions" },
      h("a", { class: "button", href: `#/calls/${call.sid}`, onclick: () => dismiss(call.sid) }, "See the trace"),
      h("button", { onclick: () => dismiss(call.sid) }, "Dismiss"),
    ),
  ];
}

function caller(state) {
  return h("div", { class: "caller", key: `caller-${state}` }, h("p", { class: "small" }, state), h("p", { class: "from" }, formatNumber(CALLER)), h("p", { class: "small" }, "Verification call"));
}

function hangUp(call) {
  return h("div", { class: "hooks", key: "hooks" }, hangUpButton(call));
}

function hangUpButton(call) {
  return h("button", { class: "hang-up", key: "hang-up", onclick: () => actAsCallee(call, "hang-up") }, handset(), "Hang up");
}

function timeline(call) {
  return h(
    "div",
    { class: "so-far" },
    h("h4", {}, "Timeline"),
    h(
      "ol",
      {},
      call.timeline.map((entry) => {
        const [kind, text] = describeTimelineEntry(entry, call);
        return h("li", { class: kind }, h("span", { class: "time" }, formatElapsed(call.date_created, entry.at)), h("span", {}, text));
      }),
    ),
  );
}

function handset() {
  return h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "handset" }, h("path", { d: "M5 3h4l2 5.500-2.700 2a14 14 0 0 0 5.200 5.200l2-2.700L21 15v4c0 1.100-.9 2-2 2C10.700 20.500 3.500 13.300 3 5c0-1.100.9-2 2-2z" }));
}

function mark(kind) {
  const path = kind === "success" ? "M6 12.500l4 4 8-9" : "M7 7l10 10M17 7L7 17";
  return h("svg", { viewBox: "0 0 24 24" }, h("path", { d: path }));
}
