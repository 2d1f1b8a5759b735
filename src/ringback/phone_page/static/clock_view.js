// View: the clock of the account.

import { runAction } from "./actions.js";
import { callApi } from "./api.js";
import { advanceClock, setClock, storeClock, nextEventButton } from "./clock_controls.js";
import { h } from "./dom.js";
import { accountPath } from "./store.js";
import { formatDateAndTime, currentClockTime } from "./time_formats.js";

const STEPS = [["10 seconds", 10], ["1 minute", 60], ["10 minutes", 600], ["1 hour", 3_600], ["1 day", 86_400]];

export function clockView(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Clock"),
    h("p", { class: "muted", key: "lead" }, "The clock of this account determines its dates and the events of its calls. When you advance it, everything that falls due happens in order."),
    state.clock && panel(state),
  ];
}

function panel(state) {
  const isFrozen = state.clock.mode === "frozen";
  return h(
    "section",
    { class: "panel fields", key: "panel", "aria-label": "The account's clock" },
    h("p", { class: "big-time" }, h("time", {}, formatDateAndTime(currentClockTime(state.clock, state.clockReadAt))), " ", h("span", { class: `badge ${isFrozen ? "live" : "success"}` }, isFrozen ? "frozen" : "running")),
    h(
      "p",
      { class: "actions" },
      isFrozen
        ? h("button", { key: "run", class: "primary", onclick: () => setClock({ mode: "running" }, "the clock is running") }, "Run the clock")
        : h("button", { key: "freeze", class: "primary", onclick: () => setClock({ mode: "frozen" }, "the clock is frozen") }, "Freeze the clock"),
    ),
    h("p", { key: "next" }, nextEventButton() ?? h("span", { class: "muted" }, "No event is pending.")),
    h("h2", {}, "Advance by"),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": "Advance the clock by" },
      STEPS.map(([name, seconds]) => h("button", { key: name, onclick: () => advanceClock(seconds, `by ${name}`) }, name)),
    ),
    h(
      "form",
      { class: "fields row", onsubmit: advanceFreely, "aria-label": "Advance the clock by seconds" },
      h("label", {}, "Seconds", h("input", { name: "seconds", type: "number", min: 0, step: "any", required: true })),
      h("button", {}, "Advance"),
    ),
    h("h2", {}, "Set the clock"),
    h(
      "form",
      { class: "fields row", onsubmit: setFreely, "aria-label": "Set the clock" },
      h("label", {}, "Date and time, in your time zone", h("input", { name: "now", type: "datetime-local", step: 1, required: true })),
      h("button", {}, "Set"),
    ),
  );
}

function advanceFreely(event) {
  event.preventDefault();
  const seconds = Number(new FormData(event.target).get("seconds"));
  return advanceClock(seconds, `by ${seconds} seconds`);
}

function setFreely(event) {
  event.preventDefault();
  const now = new Date(new FormData(event.target).get("now")).toISOString();
  return runAction(async () => {
    const { mode } = await callApi("GET", `${accountPath()}/clock`);
    storeClock(await callApi("PUT", `${accountPath()}/clock`, { mode, now }));
  }, "the clock is set");
}
