// The phones that ring now, or did a moment ago; and what to do where none does.

import { attempt, ringMyPhone } from "./actions.js";
import { isFrozen, waiting } from "./clock-actions.js";
import { h } from "./dom.js";
import { accountsThatRing } from "./elsewhere.js";
import { idlePhone, phoneCard } from "./phone.js";
import { changed } from "./store.js";
import { isPartial, readMore } from "./verifications.js";
import { plural, isLive } from "./words.js";

const MOST_PHONES = 4; // but of phones that wait for a person all are shown
const TITLES = { queued: "A phone is about to ring", ringing: "A phone rings", "dialing-extension": "A call is put through", prompting: "A phone is answered" };
const FOCUS_WITHIN_MS = 5_000;
let places = [[], []]; // the calls as they were drawn last: those of manual phones, and the others behind them
let isRinging = false;

export function stage(state) {
  const calls = [...state.calls.values()].filter((call) => isLive(call) || state.lingering.has(call.sid)).reverse();
  const body = calls.length ? phones(calls, state) : state.calls.size ? quiet(state) : welcome(state);
  return h("section", { class: "stage", key: "stage", "aria-labelledby": "stage-title" }, state.isComplete && body);
}

function phones(calls, state) {
  const live = calls.filter(isLive);
  const shown = shownOf(calls);
  const text = live.length > 1 ? `${plural(live.length, "phone")} in a call` : titleOf(live[0]);
  return [
    title(text),
    live.length > 0 && waiting(),
    h("ul", { class: "phones", key: "phones" }, shown.map((call) => h("li", { key: call.sid }, phoneCard(call, state)))),
    calls.length > shown.length && h("p", { class: "muted", key: "more" }, `and ${calls.length - shown.length} more, listed below`),
  ];
}

function titleOf(call) {
  if (call?.state === "queued" && call.call_delay_seconds && isFrozen()) return "A call waits for the clock";
  return TITLES[call?.state] ?? "The call is over";
}

/** Return the calls whose phones are shown: live ones that wait for a person before others, and those before ended ones. */
function shownOf(calls) {
  const live = calls.filter(isLive);
  const waiting = live.filter(isManual);
  const ranked = new Set([...waiting, ...live, ...calls]);
  const shown = [...ranked].slice(0, Math.max(MOST_PHONES, waiting.length));
  places = places.map((order, position) => inPlace(shown.filter((call) => isManual(call) === (position === 0)), order));
  return places.flat();
}

/** Order calls so that each keeps its place; a new one takes that of one that is gone, or comes last. */
function inPlace(calls, order) {
  const same = (list, { sid }) => list.find((call) => call.sid === sid);
  const come = calls.filter((call) => !same(order, call));
  const stay = order.map((before) => same(calls, before) ?? come.shift()).filter(Boolean);
  return [...stay, ...come];
}

function isManual(call) {
  return call.phone?.behavior === "manual";
}

function title(text) {
  return h("h2", { id: "stage-title", key: "title", "data-entry": true, tabindex: -1 }, text);
}

function quiet(state) {
  if (state.isRingingHere && isPartial(state)) return unlisted(state);
  return h(
    "div",
    { class: "panel quietly", key: "quiet" },
    title("No phone rings in this account"),
    h("p", { class: "muted" }, "Phones appear when an application asks for a verification."),
    elsewhere(state),
    h("p", { class: "actions" }, ringButton(""), h("a", { class: "button", href: "#/try-it" }, "Make a request")),
  );
}

/** Say that a phone rings whose call is older than all calls that are shown. */
function unlisted(state) {
  return h(
    "div",
    { class: "panel quietly", key: "unlisted" },
    title("A phone rings for an older call"),
    h("p", { class: "muted" }, `Its call is not among the newest ${state.limit}, which are shown.`),
    h("p", { class: "actions" }, h("button", { class: "primary", onclick: readMore }, "Show older ones, too")),
  );
}

function elsewhere(state) {
  return state.ringing.length > 0 && h("p", { class: "actions" }, accountsThatRing(state));
}

function welcome(state) {
  return h(
    "div",
    { class: "panel welcome", key: "welcome" },
    idlePhone(),
    title("The phone on your desk, for tests"),
    h(
      "p",
      { class: "lead" },
      "Before an application may show a phone number as its caller ID, Twilio calls that number, and its owner keys in six digits that the application shows. ",
      "ringback plays Twilio and the phone: it answers the same requests, and rings phones that exist only here.",
    ),
    h("p", { class: "actions" }, ringButton("big"), h("a", { class: "button", href: "#/try-it" }, "See the request in curl, Python, Node")),
    elsewhere(state),
    h(
      "ol",
      { class: "steps" },
      h("li", {}, h("strong", {}, "Your app asks"), " for a number to be verified, and shows a code."),
      h("li", {}, h("strong", {}, "A phone rings here."), " Most answer by themselves; some wait for you."),
      h("li", {}, h("strong", {}, "The code is keyed in"), ", and the number is verified. Your app is told by a signed StatusCallback."),
    ),
  );
}

function ringButton(size) {
  return h("button", { class: `primary ${size}`, "aria-disabled": String(isRinging), onclick: ringAndGoThere }, "Ring a phone you answer yourself");
}

async function ringAndGoThere() {
  if (isRinging) return;
  isRinging = true;
  changed();
  let sid = null;
  if (await attempt(async () => (sid = await ringMyPhone()))) focusPhone(sid);
  isRinging = false;
  changed();
}

/** Move the focus to the phone that its visitor has made ring, as soon as it does. */
export function focusPhone(sid) {
  const end = performance.now() + FOCUS_WITHIN_MS;
  const look = () => {
    const button = document.querySelector(`[data-call="${sid}"] .answer`);
    if (button) button.focus();
    else if (performance.now() < end) requestAnimationFrame(look);
  };
  if (sid) look();
}
