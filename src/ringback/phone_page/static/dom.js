// A small virtual DOM: views are functions from state to elements, and `render` applies the differences.
// Cross-site scripting: text becomes text nodes and attributes only. No module creates HTML from a string.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "rect", "circle", "g", "line"]);
// The user can change these properties: they are set only when their value in the state changes.
const LIVE_PROPERTIES = new Set(["value", "checked", "open", "selected"]);
const EMPTY = [];

/** Describe an element. The property `key` identifies it among its siblings. */
export function h(tag, properties, ...children) {
  return { tag, properties: properties ?? {}, key: properties?.key, children: flat(children), node: null };
}

/** Update the content of `container` to `children`. */
export function render(container, ...children) {
  const next = flat(children);
  const focused = document.activeElement ?? document.body;
  const home = focused.closest("[data-refuge]");
  patchChildren(container, container.rendered ?? EMPTY, next);
  container.rendered = next;
  if (focused !== document.body && document.activeElement === document.body) refuge(focused, home)?.focus({ preventScroll: true });
}

/** Return the element to focus after a removal: the same one if it only moved, the refuge of its container, or the title. */
function refuge(focused, home) {
  if (focused.isConnected) return focused;
  return (home?.isConnected && home.querySelector(home.dataset.refuge)) || document.querySelector("[data-entry]");
}

/** Return a function that returns the same element for the same arguments, so that rendering skips it. */
export function memoize(make) {
  const known = new WeakMap();
  return (subject, ...others) => {
    const last = known.get(subject);
    if (last && last.others.every((other, position) => other === others[position])) return last.element;
    const element = make(subject, ...others);
    known.set(subject, { others, element });
    return element;
  };
}

/** Return the current children, each with its slot. An absent sibling or a list does not change the slots of others. */
function flat(children, prefix = "") {
  return children.flatMap((child, position) => {
    if (Array.isArray(child)) return flat(child, `${prefix}${position}.`);
    if (child === null || child === undefined || child === false || child === "") return EMPTY;
    const element = typeof child === "object" ? child : { tag: null, text: String(child), node: null };
    element.slot = prefix + position;
    return [element];
  });
}

function identity(child) {
  return child.key === undefined ? `${child.tag}@${child.slot}` : `${child.tag}#${child.key}`;
}

function patchChildren(parent, old, next) {
  const known = new Map();
  for (const child of old) known.set(identity(child), child);
  const pairs = next.map((child) => {
    const name = identity(child);
    const before = known.get(name);
    known.delete(name);
    return [before, child];
  });
  for (const gone of known.values()) gone.node.remove();
  let place = parent.firstChild;
  for (const [before, child] of pairs) {
    const node = before ? patch(before, child) : create(child);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

function create(next) {
  if (next.tag === null) {
    next.node = document.createTextNode(next.text);
    return next.node;
  }
  const node = SVG_TAGS.has(next.tag) ? document.createElementNS(SVG, next.tag) : document.createElement(next.tag);
  next.node = node;
  patchChildren(node, EMPTY, next.children);
  for (const [name, value] of Object.entries(next.properties)) set(node, name, value);
  next.properties.created?.(node);
  return node;
}

function patch(old, next) {
  const node = old.node;
  if (old === next) return node;
  next.node = node;
  if (next.tag === null) {
    if (old.text !== next.text) node.data = next.text;
    return node;
  }
  patchChildren(node, old.children, next.children);
  for (const name of Object.keys(old.properties)) {
    if (!(name in next.properties)) set(node, name, null);
  }
  for (const [name, value] of Object.entries(next.properties)) {
    if (old.properties[name] !== value) set(node, name, value);
  }
  return node;
}

function set(node, name, value) {
  if (name === "key" || name === "created") return;
  if (name.startsWith("on")) node[name.toLowerCase()] = value;
  else if (LIVE_PROPERTIES.has(name)) node[name] = value ?? "";
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
