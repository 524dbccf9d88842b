// The chat page: what the sandbox streams, brought to the views.
import { addMessage, drawChat, drawHeader, editMessage, reactTo, removeMessage, showAnswer } from "./chat.js";
import { clearDraft, drawComposer, setUp as setUpComposer } from "./composer.js";
import { decorate } from "./icons.js";
import { hooks as links, setPayload } from "./links.js";
import { setUp as setUpOverlays, toast } from "./overlay.js";
import { nudge, setUp as setUpPanel } from "./panel.js";
import { drawSidebar } from "./sidebar.js";
import { list, person, post, remember, remembered, speaker, state } from "./state.js";

const byId = (id) => document.getElementById(id);
const app = byId("app");

const doing = {
  typing: "typing", upload_photo: "sending a photo", upload_document: "sending a file",
  choose_sticker: "choosing a sticker", find_location: "finding a location",
};

function choose(id) {
  if (id !== state.active) {
    clearDraft();
    state.payload = "";
  }
  state.active = id;
  state.unread.delete(id);
  remember(id);
  app.classList.remove("show-sidebar");
  drawAll();
}

function drawAll() {
  drawSidebar(choose);
  drawHeader();
  drawChat();
  drawComposer();
  drawBlock();
}

// drawBlock shows the way to block the bot, in a person's own chat that has begun.
function drawBlock() {
  const who = person();
  byId("block").hidden = !who?.started || who.blocked || Boolean(who.members);
}

// takeSnapshot takes all that people see, at the beginning and whenever the stream begins anew.
function takeSnapshot(all) {
  const before = state.messages;
  state.bot = all.bot;
  state.people = all.people;
  state.clockSkew = all.now - Date.now();
  state.messages = new Map(Object.entries(all.messages).map(([id, messages]) => [Number(id), messages || []]));
  countMissed(before);
  const address = new URLSearchParams(location.search);
  const wanted = Number(address.get("user")) || state.active || remembered();
  const customers = state.people.filter((p) => !p.admin && !p.members);
  state.active = (person(wanted) || customers[0] || state.people[0])?.id || 0;
  remember(state.active);
  drawAll();
  if (address.has("start")) setPayload(address.get("start"));
  if (location.search) history.replaceState(null, "", "/");
}

// countMissed counts as unread what came to others while nobody listened.
function countMissed(before) {
  for (const [chat, seen] of before) {
    const newest = seen.at(-1)?.message_id || 0;
    if (list(chat).length === 0) state.unread.delete(chat); // another sandbox began
    const missed = list(chat).filter((m) => m.from?.is_bot && m.message_id > newest).length;
    if (chat !== state.active && missed) state.unread.set(chat, (state.unread.get(chat) || 0) + missed);
  }
}

function takeMessage({ chat, message }) {
  if (!state.people.some((p) => p.id === chat)) return;
  const messages = list(chat);
  messages.push(message);
  if (messages.length > 400) messages.shift();
  state.clockSkew = Math.max(state.clockSkew, message.date * 1000 - Date.now());
  if (message.from?.is_bot) stopAction(chat);
  if (chat === state.active) {
    addMessage(message);
    drawComposer();
  } else if (message.from?.is_bot) {
    state.unread.set(chat, (state.unread.get(chat) || 0) + 1);
  }
  drawSidebar(choose);
}

function takeEdit({ chat, message }) {
  const messages = list(chat);
  const at = messages.findIndex((m) => m.message_id === message.message_id);
  if (at < 0) return;
  messages[at] = { ...message, reaction: messages[at].reaction };
  stopAction(chat);
  if (chat === state.active) editMessage(messages[at]);
  drawSidebar(choose);
}

function takeReaction({ chat, message_id: id, reaction }) {
  const message = list(chat).find((m) => m.message_id === id);
  if (!message) return;
  message.reaction = reaction;
  if (chat === state.active) reactTo(message);
}

function takeDelete({ chat, message_id: id }) {
  state.messages.set(chat, list(chat).filter((m) => m.message_id !== id));
  if (chat === state.active) removeMessage(id);
  drawSidebar(choose);
}

function takeAction({ chat, action }) {
  stopAction(chat);
  const timer = setTimeout(() => stopAction(chat), 5000);
  state.actions.set(chat, { text: doing[action] || "busy", timer });
  drawHeader();
  drawSidebar(choose);
}

function stopAction(chat) {
  if (!state.actions.has(chat)) return;
  clearTimeout(state.actions.get(chat).timer);
  state.actions.delete(chat);
  drawHeader();
  drawSidebar(choose);
}

function takePeople(people) {
  const began = person()?.started;
  state.people = people;
  drawSidebar(choose);
  drawHeader();
  drawComposer();
  drawBlock();
  if (!began && list().length === 0) drawChat();
}

let stream; // of what happens

function connect() {
  const source = new EventSource("/chat/api/events");
  stream?.close();
  stream = source;
  const on = (name, take) => source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  on("snapshot", takeSnapshot);
  on("people", takePeople);
  on("message", takeMessage);
  on("edit", takeEdit);
  on("delete", takeDelete);
  on("action", takeAction);
  on("reaction", takeReaction);
  on("answer", ({ answer }) => showAnswer(answer));
  for (const name of ["snapshot", "message", "edit"]) source.addEventListener(name, nudge);
  source.onopen = () => { byId("connection").hidden = true; };
  source.onerror = () => {
    byId("connection").hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  };
}

// A browser keeps few connections to one address: a tab that nobody sees gives its own back, or each
// payment's tab would take one until none is left.
function setUpVisibility() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream.close();
      byId("connection").hidden = false;
    } else if (stream.readyState === EventSource.CLOSED) connect();
  });
}

function setUpTheme() {
  const apply = (theme) => { document.documentElement.dataset.theme = theme; };
  let kept = "auto";
  try {
    kept = localStorage.getItem("theme") || "auto";
  } catch { /* a browser that keeps nothing */ }
  apply(kept);
  byId("theme").addEventListener("click", () => {
    const dark = kept === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : kept === "dark";
    kept = dark ? "light" : "dark";
    apply(kept);
    try {
      localStorage.setItem("theme", kept);
    } catch { /* as above */ }
  });
}

function setUpDrawers() {
  byId("sidebar-open").addEventListener("click", () => app.classList.add("show-sidebar"));
  byId("sidebar-close").addEventListener("click", () => app.classList.remove("show-sidebar"));
  byId("shade").addEventListener("click", () => app.classList.remove("show-sidebar"));
  byId("block").addEventListener("click", async () => {
    await post("/chat/api/block", { user: state.active }).catch((error) => toast(error.message));
  });
}

links.enter = () => {
  if (person()?.members) choose(speaker());
};
decorate(document);
setUpTheme();
setUpDrawers();
setUpOverlays();
setUpComposer();
setUpPanel();
setUpVisibility();
connect();
