// The open chat: its messages, their grouping, scrolling and edits in place.
import { deepLink, openLink } from "./links.js";
import { renderMessage, settle } from "./message.js";
import { alertBox, toast } from "./overlay.js";
import { list, now, own, person, post, speaker, state } from "./state.js";

const messages = document.getElementById("messages");
const scroller = document.getElementById("scroller");
const toBottom = document.getElementById("to-bottom");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let below = 0; // messages that came while the reader was further up
let heading = false; // on the way to the newest message

// hooks are what a message's links, commands and reply buttons do; the composer adds its part.
export const hooks = {
  link: (url) => deepLink(url) || openLink(url, true),
  open: (url) => deepLink(url) || openLink(url, false),
  command: (text) => post("/chat/api/send", { ...own(), text }).catch((e) => toast(e.message)),
  reply: () => {},
};

function atBottom() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
}

function toEnd(smooth) {
  scroller.scrollTo({ top: scroller.scrollHeight, behavior: smooth && !calm.matches ? "smooth" : "instant" });
  heading = !atBottom();
  below = 0;
  showToBottom();
}

function showToBottom() {
  toBottom.hidden = atBottom() || heading;
  const badge = toBottom.querySelector(".badge");
  badge.hidden = below === 0;
  badge.textContent = below;
}

// drawChat draws the active person's chat from the beginning.
export function drawChat() {
  messages.replaceChildren(...list().map((m) => renderMessage(m, hooks)));
  if (list().length === 0) messages.append(introduction());
  regroup();
  toEnd(false);
}

// introduction is what stands in a chat before its first message.
function introduction() {
  const who = person();
  const card = document.createElement("section");
  card.className = "introduction";
  const title = document.createElement("h3");
  title.textContent = who?.description ? "What can this bot do?" : "No messages here yet…";
  const text = document.createElement("p");
  text.dir = "auto";
  text.textContent = who?.description || "Press START below to begin.";
  card.append(title, text);
  return card;
}

// addMessage appends a new message of the active chat.
export function addMessage(message) {
  const follow = atBottom() || heading || message.from?.id === speaker();
  messages.querySelector(".introduction")?.remove();
  const element = renderMessage(message, hooks);
  element.classList.add("new");
  element.addEventListener("animationend", () => element.classList.remove("new"), { once: true });
  messages.append(element);
  regroup();
  if (follow) toEnd(true);
  else {
    below++;
    showToBottom();
  }
}

const find = (id) => messages.querySelector(`.message[data-id="${id}"]`);

// editMessage replaces a message where it stands, and lets its height change softly.
export function editMessage(message) {
  const old = find(message.message_id);
  if (!old) return;
  const follow = atBottom() || heading;
  const height = old.offsetHeight;
  const fresh = renderMessage(message, hooks);
  const focused = old.contains(document.activeElement);
  old.replaceWith(fresh);
  regroup();
  if (focused) scroller.focus({ preventScroll: true });
  if (!calm.matches) soften(fresh, height, follow);
  if (follow) toEnd(false);
}

function soften(element, height, follow) {
  const target = element.offsetHeight;
  element.querySelector(".bubble").animate([{ opacity: 0.55 }, { opacity: 1 }], { duration: 200, easing: "ease-out" });
  element.querySelector(".keyboard")?.animate([{ opacity: 0.3 }, { opacity: 1 }], { duration: 220, easing: "ease-out" });
  if (Math.abs(target - height) < 2) return;
  const change = element.animate(
    [{ height: height + "px", overflow: "hidden" }, { height: target + "px", overflow: "hidden" }],
    { duration: 180, easing: "cubic-bezier(.2,.7,.3,1)" },
  );
  if (!follow) return;
  const keep = () => {
    toEnd(false);
    if (change.playState === "running") requestAnimationFrame(keep);
  };
  change.onfinish = keep;
  requestAnimationFrame(keep);
}

// reactTo shows the bot's reaction to a message, or takes it away.
export function reactTo(message) {
  const element = find(message.message_id);
  if (!element) return;
  const fresh = renderMessage(message, hooks);
  element.replaceWith(fresh);
  regroup();
  if (!calm.matches) fresh.querySelector(".reaction")?.animate([{ transform: "scale(0)" }, { transform: "scale(1.25)" }, { transform: "scale(1)" }], { duration: 260 });
}

// removeMessage lets a message go.
export function removeMessage(id) {
  const element = find(id);
  if (!element) return;
  element.remove();
  if (list().length === 0) messages.append(introduction());
  regroup();
}

// regroup sets what depends on the neighbours and on today: dates, tails, ticks.
export function regroup() {
  for (const date of messages.querySelectorAll(".date")) date.remove();
  const all = [...messages.querySelectorAll(".message")];
  const lastOfBot = all.findLastIndex((m) => m.dataset.from === "bot");
  let day = "";
  all.forEach((element, i) => {
    const before = all[i - 1];
    const after = all[i + 1];
    const own = dayOf(element);
    if (own !== day) {
      day = own;
      const label = document.createElement("div");
      label.className = "date";
      label.textContent = own;
      element.before(label);
    }
    element.classList.toggle("first", !together(before, element));
    element.classList.toggle("last", !together(element, after));
    element.classList.toggle("seen", i < lastOfBot);
  });
}

function together(a, b) {
  return a && b && a.dataset.from === b.dataset.from && dayOf(a) === dayOf(b) && b.dataset.date - a.dataset.date < 600;
}

function dayOf(element) {
  const date = new Date(element.dataset.date * 1000);
  const today = now();
  if (date.toDateString() === today.toDateString()) return "Today";
  const year = date.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString("en", { day: "numeric", month: "long", year });
}

// drawHeader shows whom the chat is with, and what they are doing.
export function drawHeader() {
  const who = person();
  const name = who?.bot_name || state.bot.first_name;
  document.getElementById("bot-name").textContent = name;
  document.title = name;
  const status = document.getElementById("status");
  const action = state.actions.get(state.active);
  status.classList.toggle("doing", Boolean(action));
  status.textContent = action ? action.text : "bot";
  const members = who?.members;
  if (!action && who && !members) status.textContent = `bot · you are ${who.first_name}`;
  if (!action && members) status.textContent = "group · you are";
  drawSpeaker(action ? null : members);
}

// drawSpeaker lets a group's chat choose which of its members writes.
function drawSpeaker(members) {
  const select = document.getElementById("speaker");
  select.hidden = !members;
  if (!members || document.activeElement === select) return;
  select.replaceChildren(...members.map((m) => new Option(m.first_name, m.id, false, m.id === speaker())));
  select.onchange = () => {
    state.speaker = Number(select.value);
    select.blur();
    drawChat();
  };
}

// showAnswer shows the bot's answer to a pressed button.
export function showAnswer(answer) {
  settle(answer.query);
  if (answer.user !== speaker()) return;
  if (answer.url) deepLink(answer.url) || openLink(answer.url, false);
  if (!answer.text) return;
  if (answer.alert) alertBox(person()?.bot_name || state.bot.first_name, answer.text);
  else toast(answer.text);
}

scroller.addEventListener("scroll", () => {
  if (atBottom()) [below, heading] = [0, false];
  showToBottom();
}, { passive: true });
for (const own of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  scroller.addEventListener(own, () => { heading = false; }, { passive: true });
}
toBottom.addEventListener("click", () => toEnd(true));
// A photo that loads, or a keyboard on a phone, must not push the newest message out of sight.
let wasAtBottom = true;
scroller.addEventListener("scroll", () => { wasAtBottom = atBottom(); }, { passive: true });
new ResizeObserver(() => wasAtBottom && toEnd(false)).observe(scroller);

