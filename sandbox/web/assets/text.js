// Telegram texts as page elements: entities become elements, offsets count UTF-16 units as
// JavaScript's strings do.
import { copy } from "./overlay.js";

// direction says how a text reads, by its first letter that has a direction.
export function direction(text) {
  const first = /[A-Za-z\u00c0-\u024f\u0370-\u052f\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.exec(text || "");
  return first && /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(first[0]) ? "rtl" : "ltr";
}

// renderText returns a fragment for text with its entities. handlers: link(url), command(text).
export function renderText(text, entities, handlers) {
  const fragment = document.createDocumentFragment();
  build(fragment, text, 0, text.length, [...(entities || [])], handlers);
  return fragment;
}

function build(parent, text, from, to, entities, handlers) {
  let at = from;
  while (entities.length) {
    const entity = entities.shift();
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < at || end <= entity.offset) continue;
    parent.append(text.slice(at, entity.offset));
    const inner = [];
    while (entities.length && entities[0].offset < end) inner.push(entities.shift());
    const element = elementFor(entity, text.slice(entity.offset, end), handlers);
    build(element.content || element.element, text, entity.offset, end, inner, handlers);
    parent.append(element.element);
    at = end;
    // A block ends its own line: the line break that follows it in the text is not shown twice.
    if (element.block && text[at] === "\n") at++;
  }
  parent.append(text.slice(at, to));
}

function make(name, className) {
  const element = document.createElement(name);
  if (className) element.className = className;
  return element;
}

function elementFor(entity, value, handlers) {
  switch (entity.type) {
    case "bold": return { element: make("strong") };
    case "italic": return { element: make("em") };
    case "underline": return { element: make("u") };
    case "strikethrough": return { element: make("s") };
    case "spoiler": return spoiler();
    case "code": return tapToCopy(make("code"), value);
    case "pre": return { ...tapToCopy(make("pre"), value), block: true };
    case "blockquote": return { element: make("blockquote"), block: true };
    case "expandable_blockquote": return { ...expandable(), block: true };
    case "text_link": return link(entity.url, handlers);
    case "url": return link(/:\/\//.test(value) ? value : "https://" + value, handlers);
    case "email": return link("mailto:" + value, handlers);
    case "bot_command": return command(value, handlers);
    case "mention": case "hashtag": case "cashtag": return { element: make("span", "mention") };
    default: return { element: make("span") };
  }
}

function link(url, handlers) {
  const a = make("a");
  a.href = /^(https?|tg|mailto):/i.test(url) ? url : "#";
  a.target = "_blank";
  a.rel = "noopener noreferrer";
  a.addEventListener("click", (event) => {
    if (handlers.link(url)) event.preventDefault();
  });
  return { element: a };
}

function command(value, handlers) {
  const button = make("button", "command-link");
  button.type = "button";
  button.addEventListener("click", () => handlers.command(value));
  return { element: button };
}

function tapToCopy(element, value) {
  element.tabIndex = 0;
  element.title = "Copy";
  element.addEventListener("click", () => copy(value));
  element.addEventListener("keydown", (event) => event.key === "Enter" && copy(value));
  return { element };
}

function spoiler() {
  const element = make("span", "spoiler");
  element.tabIndex = 0;
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", "Hidden text: show");
  const show = () => {
    element.classList.add("shown");
    element.removeAttribute("role");
    element.removeAttribute("aria-label");
  };
  element.addEventListener("click", show);
  element.addEventListener("keydown", (event) => event.key === "Enter" && show());
  return { element };
}

function expandable() {
  const element = make("blockquote", "expandable");
  const content = make("div");
  const toggle = make("button", "expand");
  toggle.type = "button";
  toggle.setAttribute("aria-label", "Show more or less");
  toggle.setAttribute("aria-expanded", "false");
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-expanded", String(element.classList.toggle("open")));
  });
  element.append(content, toggle);
  return { element, content };
}
