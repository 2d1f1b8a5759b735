// The phones of live calls and calls that have just ended, or a hint if no phone is ringing.

import { runAction, startManualCall } from "./actions.js";
import { isFrozen, waitingPanel } from "./clock_controls.js";
import { h } from "./dom.js";
import { ringingAccountButtons } from "./ringing_accounts.js";
import { idlePhone, phoneCard } from "./phone_card.js";
import { notifyListeners } from "./store.js";
import { isPartial, readAllCalls } from "./verification_list.js";
import { plural, isLive } from "./labels.js";

const MAX_PHONES = 4; // in addition to phones that wait for the user
const TITLES = { queued: "A phone is about to ring", ringing: "A phone is ringing", "dialing-extension": "A call is being put through", prompting: "A phone was answered" };
const FOCUS_WITHIN_MS = 5_000;
let places = [[], []]; // the calls in their last order: those of manual phones, then the others
let isRinging = false;

export function liveCalls(state) {
  const calls = [...state.calls.values()].filter((call) => isLive(call) || state.lingering.has(call.sid)).reverse();
  const body = calls.length ? phones(calls, state) : state.calls.size ? quiet(state) : welcome(state);
  return h("section", { class: "stage", key: "stage", "aria-labelledby": "stage-title" }, state.isComplete && body);
}

function phones(calls, state) {
  const live = calls.filter(isLive);
  const visible = callsToShow(calls);
  const text = live.length > 1 ? `${plural(live.length, "phone")} in a call` : titleOf(live[0]);
  return [
    title(text),
    live.length > 0 && waitingPanel(),
    h("ul", { class: "phones", key: "phones" }, visible.map((call) => h("li", { key: call.sid }, phoneCard(call, state)))),
    calls.length > visible.length && h("p", { class: "muted", key: "more" }, `and ${calls.length - visible.length} more, listed below`),
  ];
}

function titleOf(call) {
  if (call?.state === "queued" && call.call_delay_seconds && isFrozen()) return "A call waits for the clock";
  return TITLES[call?.state] ?? "The call is over";
}

/** Return the calls to show: live calls that wait for the user, then other live calls, then ended ones. */
function callsToShow(calls) {
  const live = calls.filter(isLive);
  const waiting = live.filter(isManual);
  const ranked = new Set([...waiting, ...live, ...calls]);
  const visible = [...ranked].slice(0, Math.max(MAX_PHONES, waiting.length));
  places = places.map((order, position) => inPlace(visible.filter((call) => isManual(call) === (position === 0)), order));
  return places.flat();
}

/** Order calls so that each keeps its place. A new call takes the place of a removed one, or the last place. */
function inPlace(calls, order) {
  const same = (list, { sid }) => list.find((call) => call.sid === sid);
  const added = calls.filter((call) => !same(order, call));
  const kept = order.map((before) => same(calls, before) ?? added.shift()).filter(Boolean);
  return [...kept, ...added];
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
    title("No phone is ringing in this account"),
    h("p", { class: "muted" }, "Phones appear when an application sends a validation request."),
    elsewhere(state),
    h("p", { class: "actions" }, ringButton(""), h("a", { class: "button", href: "#/try-it" }, "Make a request")),
  );
}

/** Show that a phone is ringing for a call that is older than all listed calls. */
function unlisted(state) {
  return h(
    "div",
    { class: "panel quietly", key: "unlisted" },
    title("A phone is ringing for an older call"),
    h("p", { class: "muted" }, `Its call is not among the newest ${state.limit} calls, which this page shows.`),
    h("p", { class: "actions" }, h("button", { class: "primary", onclick: readAllCalls }, "Show older calls")),
  );
}

function elsewhere(state) {
  return state.ringing.length > 0 && h("p", { class: "actions" }, ringingAccountButtons(state));
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
      "Before an application may use a phone number as a caller ID, Twilio calls the number, and the callee enters six digits that the application shows. ",
      "ringback simulates Twilio and the phone: it answers the same requests, and rings phones that exist only on this page.",
    ),
    h("p", { class: "actions" }, ringButton("big"), h("a", { class: "button", href: "#/try-it" }, "See the request in curl, Python, Node")),
    elsewhere(state),
    h(
      "ol",
      { class: "steps" },
      h("li", {}, h("strong", {}, "Your app asks"), " for a number to be verified, and shows a code."),
      h("li", {}, h("strong", {}, "A phone rings here."), " Most phones answer automatically; some wait for you."),
      h("li", {}, h("strong", {}, "The code is entered"), ", and the number is verified. A signed StatusCallback tells your app."),
    ),
  );
}

function ringButton(size) {
  return h("button", { class: `primary ${size}`, "aria-disabled": String(isRinging), onclick: ringAndFocus }, "Ring a phone you answer yourself");
}

async function ringAndFocus() {
  if (isRinging) return;
  isRinging = true;
  notifyListeners();
  let sid = null;
  if (await runAction(async () => (sid = await startManualCall()))) focusPhone(sid);
  isRinging = false;
  notifyListeners();
}

/** Move the focus to the phone of a call that the user requested, as soon as it rings. */
export function focusPhone(sid) {
  const end = performance.now() + FOCUS_WITHIN_MS;
  const look = () => {
    const button = document.querySelector(`[data-call="${sid}"] .answer`);
    if (button) button.focus();
    else if (performance.now() < end) requestAnimationFrame(look);
  };
  if (sid) look();
}
