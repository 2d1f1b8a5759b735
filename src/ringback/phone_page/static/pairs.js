// Names and values, side by side.

import { h } from "./dom.js";

export function pairs(entries) {
  return h(
    "dl",
    { class: "pairs" },
    entries.map(([name, value], position) => h("div", { key: position }, h("dt", {}, name), h("dd", {}, value === "" ? h("i", {}, "empty") : value))),
  );
}
