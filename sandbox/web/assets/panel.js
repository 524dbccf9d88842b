// The control panel: what happens outside the shop, in the sandbox's hands.
import { regroup } from "./chat.js";
import { icon } from "./icons.js";
import { time } from "./message.js";
import { copy, toast } from "./overlay.js";
import { post, state as chat } from "./state.js";

const byId = (id) => document.getElementById(id);
const panel = byId("panel");
const body = byId("panel-body");
let timer = 0;
let shown = {}; // what each section was drawn from, to draw only what changed

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// change posts a change and draws what came of it.
async function change(path, what, done) {
  try {
    await post("/panel/api/" + path, what);
    if (done) toast(done);
  } catch (error) {
    toast(error.message);
  }
  await refresh();
  if (path === "clock") regroup(); // yesterday's messages are no longer today's
}

async function refresh() {
  clearTimeout(timer);
  if (panel.hidden || document.hidden) return;
  try {
    const answer = await fetch("/panel/api/state");
    if (!answer.ok) throw new Error("The sandbox does not answer.");
    const state = await answer.json();
    chat.clockSkew = new Date(state.now) - Date.now();
    draw(state);
  } catch (error) {
    body.replaceChildren(make("p", { class: "empty" }, error.message));
    shown = {};
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, 1000);
}

// draw brings the sections up to date. One that did not change stays as it is, and so does one that
// someone types in.
function draw(state) {
  const parts = [
    ["panel-clock", state.moved, () => clock(state)],
    ["panel-esims", state.providers.map((p) => p.esims), () => esims(state)],
    ["panel-providers", state.providers.map((p) => [p.balance, p.mood]), () => providers(state)],
    ["panel-services", [state.services, state.stripe.dropped], () => services(state)],
    ["panel-events", state.stripe.events, () => events(state)],
  ];
  if (!byId("panel-clock")) body.replaceChildren();
  for (const [id, data, build] of parts) {
    const old = byId(id);
    const signature = JSON.stringify(data);
    if (old && (shown[id] === signature || busy(old))) continue;
    shown[id] = signature;
    replace(old, build());
  }
  drawClock(state.now);
}

// busy says whether someone is at a section: types in it, chooses, or holds a slider.
function busy(element) {
  const focused = document.activeElement;
  if (!element.contains(focused)) return false;
  return focused.matches("select, [type=range]:active") || (focused.matches("[type=text]") && focused.value !== focused.defaultValue);
}

// replace puts a section in its place, as open and as focused as it was.
function replace(old, fresh) {
  if (!old) {
    body.append(fresh);
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  fresh.open = old.open;
  old.replaceWith(fresh);
  if (focused) byId(focused)?.focus();
}

function drawClock(now) {
  const element = byId("panel-now");
  if (!element) return;
  element.textContent = new Date(now).toLocaleString("en", { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });
}

function section(id, title, symbol, ...children) {
  return make("details", { id, open: true }, make("summary", {}, icon(symbol), title), ...children);
}

function clock(state) {
  const steps = [["+1 h", "1h"], ["+6 h", "6h"], ["+1 day", "24h"], ["+7 days", "168h"]];
  const buttons = steps.map(([label, by]) =>
    make("button", { class: "pill", type: "button", id: "clock-" + by, onclick: () => change("clock", { advance: by }, "The clock moved " + label.slice(1) + ".") }, label));
  return section("panel-clock", "Clock", "clock", make("p", { id: "panel-now", class: "figure" }),
    make("div", { class: "pills" }, ...buttons),
    make("p", { class: "note" }, state.moved ? `Moved ${state.moved} ahead. ` : "", "It never goes back: start the sandbox again for that."));
}

function size(bytes) {
  if (bytes < 0) return "no fixed volume";
  if (bytes < 1024 ** 3) return Math.round(bytes / 1024 ** 2) + " MB";
  return (bytes / 1024 ** 3).toFixed(2).replace(/\.?0+$/, "") + " GB";
}

function esims(state) {
  const cards = state.providers.flatMap((p) => (p.esims || []).map((e) => esim(p, e)));
  const empty = make("p", { class: "empty" }, "None yet. Buy one in the chat.");
  return section("panel-esims", "eSIMs", "sim", ...(cards.length ? cards : [empty]));
}

function esim(provider, e) {
  const unlimited = e.total <= 0;
  const most = unlimited ? Math.max(e.used, 10 * 1024 ** 3) : e.total;
  const label = make("output", {}, usedText(e, e.used));
  const slider = make("input", {
    type: "range", min: 0, max: 1000, step: 1, value: Math.round((e.used / most) * 1000), class: "use",
    "aria-label": "Data used", id: "use-" + e.iccid, disabled: !e.live,
    oninput: () => {
      label.textContent = usedText(e, (slider.value / 1000) * most);
      fill(slider);
    },
    onchange: () => {
      change("esim/use", { provider: provider.id, iccid: e.iccid, used: Math.round((slider.value / 1000) * most) });
    },
  });
  fill(slider);
  const install = make("button", {
    class: "pill", type: "button", id: "install-" + e.iccid, disabled: e.installed || !e.live,
    onclick: () => change("esim/install", { provider: provider.id, iccid: e.iccid }, "Installed."),
  }, e.installed ? "Installed" : "Install");
  return make("article", { class: "esim", "data-iccid": e.iccid },
    make("header", {}, make("strong", {}, e.plan), make("span", { class: "chip" }, provider.name)),
    make("p", { class: "note" }, make("button", { class: "link", type: "button", title: "Copy the ICCID", onclick: () => copy(e.iccid) }, e.iccid), " · ", e.status),
    slider, make("div", { class: "line" }, label, install), e.report ? make("p", { class: "note report" }, reportText(e.report)) : null);
}

// reportText says what the shop sees of an eSIM whose carrier reports now and then.
function reportText(report) {
  const clockTime = (at) => time(new Date(at) / 1000);
  return `The shop sees ${size(report.used)} used, as the carrier reported at ${clockTime(report.at)}. The next report comes at ${clockTime(report.next)}: move the clock.`;
}

// fill colours the slider up to its thumb.
function fill(slider) {
  slider.style.setProperty("--filled", slider.value / 10 + "%");
}

function usedText(e, used) {
  return e.total <= 0 ? `${size(used)} used` : `${size(used)} of ${size(e.total)} used`;
}

function mood(server) {
  const select = make("select", {
    id: "mood-" + server.id, class: server.mood === "ok" ? "" : "off", "aria-label": server.name + ": mood",
    onchange: () => {
      select.blur();
      change("mood", { server: server.id, mood: select.value });
    },
  }, ...server.moods.map((m) => make("option", { value: m.id, selected: m.id === server.mood }, m.name)));
  return select;
}

function providers(state) {
  return section("panel-providers", "Providers", "wallet", ...state.providers.map((p) => {
    const field = make("input", { type: "text", inputmode: "decimal", value: p.balance, id: "balance-" + p.id, "aria-label": p.name + ": balance in USD" });
    const form = make("form", {
      class: "balance",
      onsubmit: (event) => {
        event.preventDefault();
        field.blur();
        change("balance", { provider: p.id, balance: field.value }, "Balance set.");
      },
    }, make("span", {}, "$"), field, make("button", { class: "pill", id: "set-" + p.id, "aria-label": p.name + ": set the balance" }, "Set"));
    return make("div", { class: "server" }, make("div", { class: "line" }, make("strong", {}, p.name), mood(p)),
      make("div", { class: "line" }, make("span", { class: "note" }, "Balance"), form));
  }));
}

function services(state) {
  const drop = make("input", {
    type: "checkbox", id: "drop-webhooks", checked: state.stripe.dropped,
    onchange: () => {
      drop.blur();
      change("stripe/drop", { drop: drop.checked });
    },
  });
  return section("panel-services", "Telegram and Stripe", "bolt",
    ...state.services.map((s) => make("div", { class: "server" }, make("div", { class: "line" }, make("strong", {}, s.name), mood(s)))),
    make("label", { class: "line check" }, drop, "Lose Stripe's webhooks"));
}

function events(state) {
  const rows = state.stripe.events.map((e) => make("div", { class: "line event" },
    make("span", {}, make("strong", {}, e.type), make("small", { class: e.error ? "failed" : "", title: e.error || e.id }, `${time(new Date(e.at) / 1000)} · ${fate(e)}`)),
    make("button", { class: "pill", type: "button", onclick: () => change("stripe/resend", { event: e.id }, "Sent again.") }, "Send again")));
  const empty = make("p", { class: "empty" }, "None yet.");
  return section("panel-events", "Stripe events", "reply", ...(rows.length ? rows : [empty]));
}

// fate says what became of an event.
function fate(e) {
  if (e.error) return e.waiting ? "failed, comes again" : "failed";
  if (e.waiting) return "on its way";
  if (e.delivered > 1) return `delivered ${e.delivered} times`;
  return e.delivered ? "delivered" : "nobody was told";
}

function show(open) {
  panel.hidden = !open;
  byId("app").classList.toggle("show-panel", open);
  byId("panel-toggle").setAttribute("aria-expanded", String(open));
  if (open) refresh();
  else clearTimeout(timer);
}

// nudge draws the panel soon: something happened in the chats, so more may have.
export function nudge() {
  if (panel.hidden) return;
  clearTimeout(timer);
  timer = setTimeout(refresh, 150);
}

// setUp wires the panel's door.
export function setUp() {
  byId("panel-toggle").addEventListener("click", () => show(panel.hidden));
  byId("panel-close").addEventListener("click", () => {
    show(false);
    byId("panel-toggle").focus();
  });
  document.addEventListener("visibilitychange", refresh);
  if (matchMedia("(min-width: 1200px)").matches) show(true);
}
