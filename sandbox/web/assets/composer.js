// What a person writes with: the field, the commands' menu, START, photos and voice.
import { hooks } from "./chat.js";
import { icon } from "./icons.js";
import { onPayload } from "./links.js";
import { preview } from "./message.js";
import { toast } from "./overlay.js";
import { list, own, person, post, state, unwrap } from "./state.js";

const byId = (id) => document.getElementById(id);
const field = byId("composer");
const menu = byId("commands");
const send = byId("send");
let answering = null; // the message that is replied to
let chosen = 0; // in the commands' menu

// drawComposer shows the field, or START where the chat waits for it.
export function drawComposer() {
  const who = person();
  const waits = !who || !who.started || who.blocked || list().length === 0 || state.payload !== "";
  byId("compose").hidden = waits;
  byId("start").hidden = !waits;
  byId("start").textContent = who?.blocked ? "UNBLOCK AND RESTART" : "START";
  byId("menu").hidden = !who?.commands?.length;
  if (waits) closeMenu();
  setReply(null);
  fit();
}

// clearDraft empties the field, for another person's turn.
export function clearDraft() {
  field.value = "";
  closeMenu();
}

function fit() {
  field.style.height = "auto";
  field.style.height = Math.min(field.scrollHeight, 200) + "px";
  const voice = field.value.trim() === "" && !person()?.members;
  send.replaceChildren(icon(voice ? "mic" : "send"));
  send.setAttribute("aria-label", voice ? "Send a voice message" : "Send");
}

async function say(text) {
  try {
    await post("/chat/api/send", { ...own(), text, reply_to: answering?.message_id || 0 });
    setReply(null);
  } catch (error) {
    toast(error.message);
  }
}

async function submit() {
  const text = field.value.trim();
  if (!text && person()?.members) return;
  if (!text) {
    await post("/chat/api/voice", { user: state.active, seconds: 3 }).catch((error) => toast(error.message));
    return;
  }
  field.value = "";
  closeMenu();
  fit();
  await say(text);
  field.focus();
}

async function start() {
  const payload = state.payload;
  state.payload = "";
  await say(payload ? "/start " + payload : "/start");
  drawComposer();
}

function setReply(message) {
  answering = message;
  byId("reply-bar").hidden = !message;
  if (!message) return;
  const text = byId("reply-bar").querySelector("p");
  text.textContent = preview(message);
  text.dir = "auto";
  field.focus();
}

function matching() {
  const typed = field.value.startsWith("/") ? field.value.slice(1).toLowerCase() : "";
  return (person()?.commands || []).filter((c) => c.command.startsWith(typed));
}

function openMenu() {
  const commands = matching();
  if (!commands.length) return closeMenu();
  chosen = Math.min(chosen, commands.length - 1);
  menu.replaceChildren(...commands.map((c, i) => option(c, i)));
  menu.hidden = false;
  byId("menu").setAttribute("aria-expanded", "true");
  menu.children[chosen].scrollIntoView({ block: "nearest" });
}

function option(command, i) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "command";
  button.tabIndex = -1;
  button.setAttribute("role", "option");
  button.setAttribute("aria-selected", String(i === chosen));
  const name = document.createElement("strong");
  name.textContent = "/" + command.command;
  const description = document.createElement("span");
  description.textContent = command.description;
  description.dir = "auto";
  button.append(name, description);
  button.addEventListener("click", () => choose(command));
  return button;
}

function choose(command) {
  clearDraft();
  fit();
  say("/" + command.command);
  field.focus();
}

function closeMenu() {
  menu.hidden = true;
  chosen = 0;
  byId("menu").setAttribute("aria-expanded", "false");
}

// keys moves in the open menu; it says whether the key was used.
function keys(event) {
  if (menu.hidden) return false;
  const commands = matching();
  switch (event.key) {
    case "ArrowUp": chosen = (chosen + commands.length - 1) % commands.length; openMenu(); return true;
    case "ArrowDown": chosen = (chosen + 1) % commands.length; openMenu(); return true;
    case "Tab":
      field.value = "/" + commands[chosen].command + " ";
      closeMenu();
      fit();
      return true;
    case "Enter": {
      if (field.value.startsWith("/" + commands[chosen].command + " ")) return false;
      choose(commands[chosen]);
      return true;
    }
    case "Escape": closeMenu(); return true;
    default: return false;
  }
}

async function attach(event) {
  const picture = event.target.files[0];
  event.target.value = "";
  if (!picture) return;
  try {
    const query = new URLSearchParams({ ...own(), reply_to: answering?.message_id || 0 });
    await unwrap(await fetch("/chat/api/photo?" + query, { method: "POST", body: picture }));
    setReply(null);
  } catch (error) {
    toast(error.message);
  }
}

// setUp wires the composer.
export function setUp() {
  hooks.reply = (message) => byId("compose").hidden || setReply(message);
  onPayload(drawComposer);
  field.addEventListener("input", () => {
    fit();
    if (/^\/\w*$/.test(field.value)) openMenu();
    else closeMenu();
  });
  field.addEventListener("keydown", (event) => {
    if (keys(event)) {
      event.preventDefault();
      return;
    }
    if (event.key === "Escape") setReply(null);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (field.value.trim()) submit();
  });
  // Some keyboards bring the line break in spite of the key's own event.
  let shifted = false;
  field.addEventListener("keydown", (event) => { shifted = event.shiftKey; }, { capture: true });
  field.addEventListener("beforeinput", (event) => {
    if (event.inputType === "insertLineBreak" && !shifted) event.preventDefault();
  });
  byId("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  byId("menu").addEventListener("click", () => (menu.hidden ? openMenu() : closeMenu()));
  byId("reply-cancel").addEventListener("click", () => setReply(null));
  byId("start").addEventListener("click", start);
  byId("attach").querySelector("input").addEventListener("change", attach);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#commands, #menu, #composer")) closeMenu();
  });
}
