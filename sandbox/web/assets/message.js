// One message as a page element.
import { icon } from "./icons.js";
import { copy, showPhoto, toast } from "./overlay.js";
import { own as ownSelf, person, post, speaker, state } from "./state.js";
import { direction, renderText } from "./text.js";

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// preview says in one line what a message is.
export function preview(message) {
  if (!message) return "";
  const text = (message.text || message.caption || "").split("\n").find((line) => line.trim()) || "";
  if (message.photo) return "🖼 " + (text || "Photo");
  if (message.voice) return "🎤 Voice message";
  if (message.document) return "📎 " + (message.document.file_name || "File");
  return text;
}

// time writes the clock time of Unix seconds.
export function time(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

// renderMessage returns the element of a message. hooks: link(url), command(text), reply(message).
export function renderMessage(message, hooks) {
  const own = message.from?.id === speaker();
  const element = make("article", "message " + (own ? "out" : "in"));
  element.dataset.id = message.message_id;
  element.dataset.from = message.from?.is_bot ? "bot" : message.from?.id;
  element.dataset.date = message.date;
  const name = message.from?.is_bot ? state.bot.first_name : message.from?.first_name;
  element.setAttribute("aria-label", own ? "You" : name);
  if (message.new_chat_members) {
    element.classList.add("service");
    element.append(make("p", "", `${name} added ${message.new_chat_members.map((m) => m.first_name).join(", ")}`));
    return element;
  }
  const stack = make("div", "stack");
  stack.append(bubble(message, own, hooks));
  if (person()?.members && !own) stack.firstChild.prepend(make("p", "sender", name));
  setUpTouch(element, message, hooks);
  if (message.reply_markup) stack.append(keyboard(message, hooks));
  element.append(stack, replyButton(message, hooks));
  return element;
}

function replyButton(message, hooks) {
  const button = make("button", "reply-button");
  button.type = "button";
  button.setAttribute("aria-label", "Reply");
  button.append(icon("reply"));
  button.addEventListener("click", () => hooks.reply(message));
  return button;
}

// setUpTouch answers a message by a double click, as on a desktop, and by a long press, as on a phone.
function setUpTouch(element, message, hooks) {
  const own = "button, a, code, pre, img";
  element.addEventListener("dblclick", (event) => event.target.closest(own) || hooks.reply(message));
  let held = 0;
  const stop = () => clearTimeout(held);
  element.addEventListener("touchstart", (event) => {
    stop();
    if (event.target.closest(".inline-button")) return;
    held = setTimeout(() => hooks.reply(message), 500);
  }, { passive: true });
  for (const name of ["touchend", "touchmove", "touchcancel"]) element.addEventListener(name, stop, { passive: true });
}

function bubble(message, own, hooks) {
  const element = make("div", "bubble");
  if (message.forward_origin) {
    const name = message.forward_origin.sender_user?.first_name || "someone";
    element.append(make("p", "forwarded", "Forwarded from " + name));
  }
  if (message.reply_to_message) element.append(quoted(message.reply_to_message));
  if (message.photo) element.append(photo(message));
  if (message.voice) element.append(voice(message));
  if (message.document) element.append(file(message));
  const text = message.text || message.caption || "";
  const entities = message.text ? message.entities : message.caption_entities;
  const body = make("div", "body");
  if (text) {
    const content = make("span", "text");
    content.append(renderText(text, entities, hooks));
    body.dir = direction(text);
    if (emojiOnly(text) && !message.photo) body.classList.add("emoji-only");
    body.append(content);
  }
  if (message.reaction) body.append(make("span", "reaction", message.reaction));
  body.append(meta(message, own));
  element.classList.toggle("media-only", !text && Boolean(message.photo));
  element.append(body);
  return element;
}

function emojiOnly(text) {
  return /^(\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u200d|\ufe0f){1,9}$/u.test(text);
}

function meta(message, own) {
  const element = make("span", "meta");
  if (message.has_protected_content) element.append(icon("lock"));
  if (message.edit_date) element.append(make("i", "", "edited"));
  const stamp = make("time", "", time(message.date));
  stamp.dateTime = new Date(message.date * 1000).toISOString();
  element.append(stamp);
  if (own) {
    const ticks = make("span", "ticks");
    ticks.append(icon("check"), icon("checks"));
    element.append(ticks);
  }
  return element;
}

function quoted(original) {
  const element = make("button", "quoted");
  element.type = "button";
  element.append(make("strong", "", original.from?.is_bot ? state.bot.first_name : original.from?.first_name || ""));
  const line = make("span", "", preview(original));
  line.dir = "auto";
  element.append(line);
  element.addEventListener("click", () => {
    const target = document.querySelector(`.message[data-id="${original.message_id}"]`);
    target?.scrollIntoView({ block: "center", behavior: "smooth" });
    target?.classList.add("lit");
    setTimeout(() => target?.classList.remove("lit"), 1500);
  });
  return element;
}

function photo(message) {
  const largest = message.photo[message.photo.length - 1];
  const source = "/chat/api/file/" + encodeURIComponent(largest.file_id);
  const fit = Math.min(1, 360 / largest.width, 400 / largest.height);
  const width = Math.max(Math.round(largest.width * fit), 120);
  const button = make("button", "photo-button");
  button.type = "button";
  button.setAttribute("aria-label", "Photo: show in full size");
  const image = make("img", "photo");
  image.src = source;
  image.alt = message.caption ? "Photo: " + preview({ text: message.caption }) : "Photo";
  image.width = width;
  image.height = Math.round((largest.height / largest.width) * width);
  button.append(image);
  button.addEventListener("click", () => showPhoto(source, image.alt, message.caption || ""));
  return button;
}

function voice(message) {
  const element = make("div", "voice");
  const circle = make("span", "circle");
  circle.append(icon("play"));
  const wave = make("span", "wave");
  for (let i = 0; i < 28; i++) {
    const bar = make("i");
    bar.style.height = 4 + ((i * 7919 + message.message_id * 31) % 17) + "px";
    wave.append(bar);
  }
  element.append(circle, wave, make("small", "", "0:" + String(message.voice.duration).padStart(2, "0")));
  return element;
}

function file(message) {
  const link = make("a", "document");
  link.href = "/chat/api/file/" + encodeURIComponent(message.document.file_id);
  link.download = message.document.file_name || "file";
  const circle = make("span", "circle");
  circle.append(icon("down"));
  const size = Math.max(1, Math.round(message.document.file_size / 1024)) + " KB";
  const words = make("span");
  words.append(make("strong", "", message.document.file_name || "File"), make("small", "", size));
  link.append(circle, words);
  return link;
}

function keyboard(message, hooks) {
  const grid = make("div", "keyboard");
  for (const row of message.reply_markup.inline_keyboard || []) {
    const line = make("div", "row");
    for (const definition of row) line.append(inlineButton(message, definition, hooks));
    grid.append(line);
  }
  return grid;
}

function inlineButton(message, definition, hooks) {
  const button = make("button", "inline-button " + (definition.style || ""));
  button.type = "button";
  const label = make("span", "label", definition.text);
  label.dir = "auto";
  button.append(label);
  if (definition.url) {
    button.append(icon("out"));
    button.dataset.url = definition.url;
    button.addEventListener("click", () => hooks.open(definition.url));
  } else if (definition.copy_text) {
    button.append(icon("copy"));
    button.addEventListener("click", () => copy(definition.copy_text.text));
  } else if (definition.callback_data) {
    button.addEventListener("click", () => press(button, message, definition.callback_data));
  } else {
    button.addEventListener("click", () => toast("This button needs the real app."));
  }
  return button;
}

// press sends the button's data to the bot; the button waits until it is answered.
async function press(button, message, data) {
  if (button.classList.contains("waiting")) return;
  button.classList.add("waiting");
  const free = setTimeout(() => button.classList.remove("waiting"), 15000);
  try {
    const { query } = await post("/chat/api/press", { ...ownSelf(), message: message.message_id, data });
    button.dataset.query = query;
    if (answered.delete(query)) release(button);
  } catch (error) {
    clearTimeout(free);
    release(button);
    toast(error.message);
  }
}

const answered = new Set(); // answers that came before the press returned

function release(button) {
  button.classList.remove("waiting");
  delete button.dataset.query;
}

// settle ends the waiting of the button that was answered.
export function settle(query) {
  const button = document.querySelector(`.inline-button[data-query="${CSS.escape(query)}"]`);
  if (button) {
    release(button);
    return;
  }
  answered.add(query);
  setTimeout(() => answered.delete(query), 15000);
}
