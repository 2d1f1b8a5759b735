// Controls of the account's clock: set it, advance it, and explain why calls wait for it.

import { runAction } from "./actions.js";
import { callApi } from "./api.js";
import { h } from "./dom.js";
import { accountPath, setState, state } from "./store.js";
import { formatDateAndTime, formatDuration, currentClockTime } from "./time_formats.js";

const STEP_SECONDS = 10;
const MAX_SECONDS = 366 * 86_400; // the longest advance in one request
const CLOSE_MS = 60_000; // a smaller difference between two clocks is not shown
const DISTANT_MS = 600_000; // a longer wait for the next event is explained

export function isFrozen() {
  return state.clock?.mode === "frozen";
}

export function setClock(setting, done) {
  return runAction(async () => storeClock(await callApi("PUT", `${accountPath()}/clock`, setting)), done);
}

export function advanceClock(seconds, done, work = () => advanceOnce(seconds)) {
  return runAction(work, `advanced ${done}: all events that were due have happened`);
}

async function advanceOnce(seconds, path = accountPath()) {
  storeClock(await callApi("POST", `${path}/clock/advance`, { seconds }));
}

/** Advance the clock by any number of seconds, with as many requests as necessary. */
async function advanceFar(seconds) {
  const path = accountPath(); // the user may switch accounts between two requests
  let remaining = seconds;
  for (; remaining > MAX_SECONDS; remaining -= MAX_SECONDS) await callApi("POST", `${path}/clock/advance`, { seconds: MAX_SECONDS });
  await advanceOnce(remaining, path);
}

export function storeClock(read) {
  setState({ clock: read, clockReadAt: performance.now() });
}

/** Return the time until the next event falls due, by the account's clock; null if none is pending. */
function untilNextMs() {
  const { clock, clockReadAt } = state;
  return clock?.next_event_at ? Math.max(0, Date.parse(clock.next_event_at) - currentClockTime(clock, clockReadAt)) : null;
}

/** Return a button that advances the clock to the next event; null if none is pending. */
export function nextEventButton() {
  const ms = untilNextMs();
  if (ms === null) return null;
  const seconds = ms ? (ms + 1) / 1000 : 0; // the server's times are finer than milliseconds
  return h("button", { key: "next", class: "primary small", onclick: () => advanceClock(seconds, "to the next event", () => advanceFar(seconds)) }, `Advance to the next event (in ${formatDuration(ms)})`);
}

/** Explain why live calls wait: the clock is frozen, or the next event is far away. */
export function waitingPanel() {
  if (!state.clock) return null;
  const ms = untilNextMs();
  if (isFrozen()) {
    return panel("Frozen time", `Time is frozen at ${formatDateAndTime(state.clock.now)}${distance()}. Calls continue only when you act or advance the clock.`, [
      nextEventButton(),
      h("button", { key: "step", class: "small", onclick: () => advanceClock(STEP_SECONDS, `by ${STEP_SECONDS} seconds`) }, `Advance ${STEP_SECONDS} seconds`),
      h("button", { key: "run", class: "small", onclick: () => setClock({ mode: "running" }, "the clock is running") }, "Run the clock"),
    ]);
  }
  return ms > DISTANT_MS ? panel("Distant event", `The next event is due in ${formatDuration(ms)}.`, [nextEventButton()]) : null;
}

function panel(name, text, buttons) {
  return h("section", { class: "panel waits", key: "waits", "aria-label": name }, h("p", {}, text), h("p", { class: "actions" }, buttons));
}

function distance() {
  const ms = Date.parse(state.clock.now) - Date.now();
  return Math.abs(ms) > CLOSE_MS ? `, ${formatDuration(Math.abs(ms))} ${ms < 0 ? "behind" : "ahead of"} this machine's clock` : "";
}
