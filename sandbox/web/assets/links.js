// Where links lead: deep links to the bot come back to the chat, as in the app.
import { state } from "./state.js";

const watchers = [];

// hooks.enter leads to the private chat of whoever followed a deep link; the page adds it.
export const hooks = { enter: () => {} };

// onPayload calls back when a deep link to the bot was followed.
export function onPayload(watcher) {
  watchers.push(watcher);
}

// deepLink follows t.me/<bot>?start=…; it says whether the link was one.
export function deepLink(address) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return false;
  }
  const inApp = url.protocol === "tg:" && url.searchParams.get("domain") === state.bot.username;
  const onSite = (url.host === "t.me" && url.pathname === "/" + state.bot.username) ||
    (url.host === location.host && url.pathname === "/t.me/" + state.bot.username);
  if (!inApp && !onSite) return false;
  hooks.enter();
  setPayload(url.searchParams.get("start") || "");
  return true;
}

// setPayload makes the chat offer START for a payload: A–Z, a–z, 0–9, _ and -, at most 64.
export function setPayload(payload) {
  if (!/^[A-Za-z0-9_-]{0,64}$/.test(payload)) return;
  state.payload = payload;
  for (const watcher of watchers) watcher();
}

// openLink opens an address in a new tab; the sandbox's own pages, on a phone, in this one.
export function openLink(address, fromText) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return true;
  }
  if (!["http:", "https:"].includes(url.protocol)) return true;
  const here = url.host === location.host;
  if (here && matchMedia("(max-width: 700px)").matches) {
    location.assign(url);
    return true;
  }
  if (fromText) return false; // the browser follows the link itself
  window.open(url, "_blank", here ? "" : "noopener,noreferrer");
  return true;
}
