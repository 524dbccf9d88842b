// The control panel: what happens outside the shop, in the sandbox's hands.
import { regroup } from "./chat.js";
import { busy, make, onChange, pill, section } from "./control.js";
import { books, esims, providers } from "./panel-providers.js";
import { calm, scenarios } from "./panel-scenarios.js";
import { events, payments, settings } from "./panel-stripe.js";
import { state as chat } from "./state.js";

const byId = (id) => document.getElementById(id);
const panel = byId("panel");
const body = byId("panel-body");
let timer = 0;
let shown = {}; // what each section was drawn from, to draw only what changed

onChange(async (path) => {
  await refresh();
  if (path === "clock") regroup(); // yesterday's messages are no longer today's
});

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
  const moods = (servers) => servers.map((s) => [s.balance, s.mood, s.narrow, s.waiting]);
  const { events: told, payments: paid, ...stripe } = state.stripe;
  const parts = [
    ["panel-calm", state.calm, () => calm(state)],
    ["panel-scenarios", state.playing, () => scenarios(state)],
    ["panel-clock", state.moved, () => clock(state)],
    ["panel-payments", paid, () => payments(state)],
    ["panel-esims", state.providers.map((p) => p.esims), () => esims(state)],
    ["panel-books", state.providers.map((p) => p.orders), () => books(state)],
    ["panel-providers", moods(state.providers), () => providers(state)],
    ["panel-services", [moods(state.services), stripe], () => settings(state)],
    ["panel-events", told, () => events(state)],
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

function clock(state) {
  const steps = [["+5 min", "5m"], ["+1 h", "1h"], ["+6 h", "6h"], ["+1 day", "24h"], ["+7 days", "168h"]];
  const buttons = steps.map(([label, by]) =>
    pill(label, "clock", { advance: by }, "The clock moved " + label.slice(1) + ".", { id: "clock-" + by }));
  return section("panel-clock", "Clock", "clock", make("p", { id: "panel-now", class: "figure" }),
    make("div", { class: "pills" }, ...buttons),
    make("p", { class: "note" }, state.moved ? `Moved ${state.moved} ahead. ` : "", "It never goes back: start the sandbox again for that."));
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
