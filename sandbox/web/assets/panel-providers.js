// The providers: the eSIMs they sold, their books, their balance and mood.
import { change, choice, copyable, make, section, tick } from "./control.js";
import { time } from "./message.js";

function size(bytes) {
  if (bytes < 0) return "no fixed volume";
  if (bytes < 1024 ** 3) return Math.round(bytes / 1024 ** 2) + " MB";
  return (bytes / 1024 ** 3).toFixed(2).replace(/\.?0+$/, "") + " GB";
}

// esims lists every eSIM, to install and to use.
export function esims(state) {
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
    make("p", { class: "note" }, copyable(e.iccid, "the ICCID"), " · ", e.status),
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

// moodLines are a server's mood, and for which calls it is.
export function moodLines(server) {
  const put = (mood, narrow) => change("mood", { server: server.id, mood, narrow });
  const select = choice("mood-" + server.id, server.name + ": mood", server.mood, server.moods.map((m) => [m.id, m.name]),
    (mood) => put(mood, server.narrow), server.mood !== "ok");
  const narrow = tick("narrow-" + server.id, server.narrow_name, server.narrow, (on) => put(server.mood, on), { disabled: server.mood === "refused" });
  const later = server.waiting === 1 ? "1 call will be done later: move the clock." : `${server.waiting} calls will be done later: move the clock.`;
  return [make("div", { class: "line" }, make("strong", {}, server.name), select), narrow, server.waiting ? make("p", { class: "note" }, later) : null];
}

// providers lists what each is like: mood and balance.
export function providers(state) {
  return section("panel-providers", "Providers", "wallet", ...state.providers.map((p) => {
    const field = make("input", { type: "text", inputmode: "decimal", value: p.balance, id: "balance-" + p.id, "aria-label": p.name + ": balance in USD" });
    const form = make("form", {
      class: "amount",
      onsubmit: (event) => {
        event.preventDefault();
        field.blur();
        change("balance", { provider: p.id, balance: field.value }, "Balance set.");
      },
    }, make("span", {}, "$"), field, make("button", { class: "pill", id: "set-" + p.id, "aria-label": p.name + ": set the balance" }, "Set"));
    return make("div", { class: "server" }, ...moodLines(p), make("div", { class: "line" }, make("span", { class: "note" }, "Balance"), form));
  }));
}

// books lists what each provider has in its books, for whoever must look an order number up.
export function books(state) {
  const rows = state.providers.flatMap((p) => (p.orders || []).map((o) => make("article", { class: "card order", "data-order": o.no },
    make("header", {}, copyable(o.no, "the order number"), make("span", { class: "chip" }, o.top_up ? "top-up" : o.state)),
    make("p", { class: "note" }, `${p.name} · ${o.plan} · $${o.amount} · ${time(new Date(o.at) / 1000)}`),
    make("div", { class: "pills" }, copyable(o.code, "the activation code", "Copy code"), copyable(o.iccid, "the ICCID", "Copy ICCID")))));
  const empty = make("p", { class: "empty" }, "Nothing was sold yet.");
  return section("panel-books", "Providers' books", "book", ...(rows.length ? rows : [empty]));
}
