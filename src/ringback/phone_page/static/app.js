// Puts the parts together: reads the address, draws what the state says, follows the server.

import { showInTitle } from "./announcements.js";
import { pressAnywhere } from "./keypad.js";
import { header } from "./header.js";
import { h, render } from "./dom.js";
import { keepRefreshing, refreshView } from "./loading.js";
import { locked } from "./locked.js";
import { notices } from "./notices.js";
import { readNumberingPlan } from "./numbers.js";
import { change, changed, state, subscribe } from "./store.js";
import { keepLooking, start } from "./sync.js";
import { VIEWS } from "./views.js";

const TICK_MS = 1_000;
let viewSeen = "";

function readAddress() {
  const [, view = "calls", item = null] = location.hash.split("/");
  change({ route: { view: Object.hasOwn(VIEWS, view) ? view : "calls", item: item && decoded(item) } });
}

/** Decode a part of the address, which a person may have written by hand. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function onMove() {
  const before = state.route;
  readAddress();
  refreshView();
  if (before.view === state.route.view && before.item === state.route.item) return;
  draw();
  document.querySelector(placeToGo(before, state.route))?.focus();
}

/** Return the selector of the element that gets the focus after a move: a view's title, a trace, or the entry of the list. */
function placeToGo(before, route) {
  if (before.view !== route.view) return "[data-entry]";
  if (route.view === "inbox") return "#inbox-title";
  return route.item ? "#trace-title" : `.entry[href="#/calls/${CSS.escape(before.item)}"]`;
}

/** Let the present view be seen among the views, where not all have their place. */
function showAmongViews(view) {
  const link = document.querySelector("nav [aria-current]");
  if (!link || view === viewSeen) return;
  viewSeen = view;
  link.scrollIntoView({ block: "nearest", inline: "center" });
}

/** Move the focus past the top; the address, which names the view, stays. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function draw() {
  render(document.getElementById("header"), header(state));
  showAmongViews(state.route.view);
  render(document.getElementById("notices"), notices(state));
  const { view } = state.route;
  const isLocked = state.connection === "locked";
  const main = h("div", { class: "view", key: isLocked ? "locked" : view }, isLocked ? locked(state) : VIEWS[view].draw(state));
  render(document.getElementById("main"), main);
  showInTitle(state);
}

document.getElementById("main").replaceChildren();
subscribe(draw);
readAddress();
window.addEventListener("hashchange", onMove);
document.querySelector(".skip").addEventListener("click", skip);
document.addEventListener("keydown", pressAnywhere);
setInterval(() => state.clock && changed(), TICK_MS);
keepLooking();
keepRefreshing();
readNumberingPlan().then(changed, () => {});
start();
