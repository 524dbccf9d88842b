// The people, each with their own chat with the bot.
import { preview, time } from "./message.js";
import { list, now, state } from "./state.js";

const nav = document.getElementById("customers");

function languageName(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code);
  } catch {
    return code;
  }
}

// drawSidebar draws the people; choose(id) is called when one is chosen.
export function drawSidebar(choose) {
  const focused = document.activeElement?.closest?.(".customer")?.dataset.user;
  nav.replaceChildren(...state.people.map((someone) => row(someone, choose)));
  drawUnread();
  if (focused) nav.querySelector(`[data-user="${focused}"]`)?.focus();
}

// drawUnread counts on the way back to the people, which a phone shows instead of them.
function drawUnread() {
  const badge = document.querySelector("#sidebar-open .badge");
  const unread = [...state.unread.values()].reduce((sum, n) => sum + n, 0);
  badge.hidden = unread === 0;
  badge.textContent = unread > 99 ? "99+" : unread;
}

function row(someone, choose) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "customer";
  button.dataset.user = someone.id;
  button.setAttribute("aria-current", String(someone.id === state.active));
  const avatar = document.createElement("span");
  avatar.className = "avatar tint-" + (Math.abs(someone.id) % 7);
  avatar.textContent = [...someone.first_name][0];
  avatar.setAttribute("aria-hidden", "true");
  button.append(avatar, lines(someone));
  button.addEventListener("click", () => choose(someone.id));
  return button;
}

function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

function lines(someone) {
  const newest = list(someone.id).at(-1);
  const top = span("top", "");
  const name = span("name", someone.first_name);
  name.dir = "auto";
  const role = someone.members ? "group" : someone.admin ? "admin" : someone.language_code;
  top.append(name, span("chip" + (role === "admin" ? " admin" : ""), role));
  if (!someone.members) top.querySelector(".chip").title = languageName(someone.language_code);
  if (newest) top.append(span("when", when(newest.date)));
  const bottom = span("bottom", "");
  const action = state.actions.get(someone.id);
  const text = action?.text || (newest ? preview(newest) : someone.members ? "" : languageName(someone.language_code));
  const line = span("preview" + (action ? " doing" : ""), text);
  line.dir = "auto";
  if (newest && !newest.from?.is_bot && !action) line.prepend(span("you", someone.members ? newest.from.first_name + ": " : "You: "));
  bottom.append(line);
  const unread = state.unread.get(someone.id) || 0;
  if (unread) {
    const badge = span("badge", unread);
    badge.setAttribute("aria-label", unread + " unread");
    bottom.append(badge);
  }
  const both = span("lines", "");
  both.append(top, bottom);
  return both;
}

function when(seconds) {
  const date = new Date(seconds * 1000);
  if (date.toDateString() === now().toDateString()) return time(seconds);
  return date.toLocaleDateString("en", { day: "numeric", month: "short" });
}
