// What the control panel's sections are made of.
import { icon } from "./icons.js";
import { copy, toast } from "./overlay.js";
import { post } from "./state.js";

const watchers = [];

// onChange calls back with the path of every change that was posted.
export function onChange(watcher) {
  watchers.push(watcher);
}

// change posts a change and has what came of it drawn.
export async function change(path, what, done) {
  try {
    await post("/panel/api/" + path, what);
    if (done) toast(done);
  } catch (error) {
    toast(error.message);
  }
  for (const watcher of watchers) await watcher(path);
}

// make returns an element; attributes that begin with "on" are listeners.
export function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// section returns a part of the panel that folds.
export function section(id, title, symbol, ...children) {
  return make("details", { id, open: true }, make("summary", {}, icon(symbol), title), ...children);
}

// pill returns a small button that posts a change.
export function pill(label, path, what, done, attributes) {
  return make("button", { class: "pill", type: "button", onclick: () => change(path, what, done), ...attributes }, label);
}

// copyable returns a text that a press copies.
export function copyable(text, name, shown) {
  return make("button", { class: "link", type: "button", title: "Copy " + name, "aria-label": `Copy ${name} ${text}`, onclick: () => copy(text) }, shown || text);
}

// choice returns a select of [value, label] pairs; choose gets the value.
export function choice(id, name, value, options, choose, off) {
  const select = make("select", {
    id, class: off ? "off" : "", "aria-label": name,
    onchange: () => {
      select.blur();
      choose(select.value);
    },
  }, ...options.map(([key, label]) => make("option", { value: key, selected: key === value }, label)));
  return select;
}

// tick returns a labelled checkbox; set gets its new state.
export function tick(id, label, checked, set, attributes) {
  const box = make("input", {
    type: "checkbox", id, checked, ...attributes,
    onchange: () => {
      box.blur();
      set(box.checked);
    },
  });
  return make("label", { class: "line check" }, box, label);
}

// busy says whether someone is at a section: types in it, chooses, or holds a slider.
export function busy(element) {
  const focused = document.activeElement;
  if (!element.contains(focused)) return false;
  return focused.matches("select, [type=range]:active") || (focused.matches("[type=text]") && focused.value !== focused.defaultValue);
}
