// The phones that ring now, or did a moment ago; and what to do where none does.

import { attempt, ringMyPhone } from "./actions.js";
import { h } from "./dom.js";
import { idlePhone, phoneCard } from "./phone.js";
import { plural, isLive } from "./words.js";

const MOST_PHONES = 4;
const TITLES = { queued: "A phone is about to ring", ringing: "A phone rings", "dialing-extension": "A call is put through", prompting: "A phone is answered" };
const FOCUS_WITHIN_MS = 5_000;

export function stage(state) {
  const shown = phonesOf(state);
  const body = shown.length ? phones(shown, state) : state.calls.size ? quiet(state) : welcome(state);
  return h("section", { class: "stage", key: "stage", "aria-labelledby": "stage-title", "data-entry": true, tabindex: -1 }, state.isComplete && body);
}

/** Return the calls whose phones are shown: those that wait for a person first, the oldest of them in front. */
function phonesOf(state) {
  const calls = [...state.calls.values()].filter((call) => isLive(call) || state.lingering.has(call.sid)).reverse();
  const isPersons = (call) => call.phone?.behavior === "manual" || call.answered_at !== null;
  return [...calls.filter(isPersons), ...calls.filter((call) => !isPersons(call))];
}

function phones(calls, state) {
  const live = calls.filter(isLive);
  const title = live.length > 1 ? `${plural(live.length, "phone")} in a call` : (TITLES[live[0]?.state] ?? "The call is over");
  return [
    h("h2", { id: "stage-title", key: "title" }, title),
    h("ul", { class: "phones", key: "phones" }, calls.slice(0, MOST_PHONES).map((call) => h("li", { key: call.sid }, phoneCard(call, state)))),
    calls.length > MOST_PHONES && h("p", { class: "muted", key: "more" }, `and ${calls.length - MOST_PHONES} more, listed below`),
  ];
}

function quiet() {
  return h(
    "div",
    { class: "panel quietly", key: "quiet" },
    h("h2", { id: "stage-title" }, "No phone rings"),
    h("p", { class: "muted" }, "Phones appear when an application asks for a verification."),
    h("p", { class: "actions" }, ringButton(""), h("a", { class: "button", href: "#/try-it" }, "Make a request")),
  );
}

function welcome() {
  return h(
    "div",
    { class: "panel welcome", key: "welcome" },
    idlePhone(),
    h("h2", { id: "stage-title" }, "The phone on your desk, for tests"),
    h(
      "p",
      { class: "lead" },
      "Before an application may show a phone number as its caller ID, Twilio calls that number, and whoever picks up keys in six digits that the application shows. ",
      "ringback plays Twilio and the phone: it answers the same requests, and rings phones that exist only here.",
    ),
    h("p", { class: "actions" }, ringButton("big"), h("a", { class: "button", href: "#/try-it" }, "See the request in curl, Python, Node")),
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
  return h("button", { class: `primary ${size}`, onclick: ringAndGoThere }, "Ring a phone you answer yourself");
}

async function ringAndGoThere() {
  let sid = null;
  if (await attempt(async () => (sid = await ringMyPhone()))) focusPhone(sid);
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
