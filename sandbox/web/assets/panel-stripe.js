// Stripe: its payments, what its customers and banks do, and its events.
import { change, choice, copyable, make, pill, section, tick } from "./control.js";
import { time } from "./message.js";
import { moodLines } from "./panel-providers.js";

const states = {
  open: "page open", expired: "page expired", arriving: "money on its way", processing: "slow, waits", failed: "failed",
  paid: "paid", "part refunded": "part refunded", refunded: "refunded",
};
const good = ["paid"];
const waiting = ["open", "arriving", "processing"];

// payments lists the Checkout Sessions, with what may happen to each.
export function payments(state) {
  const cards = state.stripe.payments.map(payment);
  const empty = make("p", { class: "empty" }, "None yet. Open a payment page in the chat.");
  return section("panel-payments", "Payments at Stripe", "card", ...(cards.length ? cards : [empty]));
}

function payment(p) {
  const chip = make("span", { class: "chip " + (good.includes(p.state) ? "good" : waiting.includes(p.state) ? "" : "bad") }, states[p.state] || p.state);
  const order = p.order.length === 10 ? p.order.slice(0, 5) + "-" + p.order.slice(5) : p.order;
  return make("article", { class: "card payment", "data-session": p.session, "data-state": p.state },
    make("header", {}, make("strong", {}, p.what), chip),
    make("p", { class: "note" }, copyable(order, "the order id"), ` · ${p.amount} · ${time(new Date(p.at) / 1000)}`, p.intent ? " · " : null,
      p.intent ? copyable(p.intent, "the Stripe id", "Stripe id") : null),
    p.disputed ? make("p", { class: "mark" }, "Disputed by the card's holder") : null,
    p.warned ? make("p", { class: "mark" }, "Early fraud warning") : null,
    acts(p), ...p.refunds.map((r) => refund(p, r)));
}

function acts(p) {
  const one = (label, act, done) => pill(label, "stripe/payment", { session: p.session, act }, done, { "data-act": act });
  switch (p.state) {
    case "open": return pills(one("Pay", "pay", "Paid."), one("Pay slowly", "pay-slowly", "The payment is under way."), one("Change the amount", "tamper", "The page now asks for another amount."), one("Expire the page", "close", "The page has expired."));
    case "expired": case "arriving": return pills(one("Customer pays late", "pay-late", "Paid."));
    case "processing": return pills(one("The money comes", "arrive", "The money is there."), one("It fails", "fail", "The payment failed."));
    case "paid": case "part refunded":
      return pills(p.disputed ? null : money(p), p.disputed ? null : one("Dispute", "dispute", "Disputed."), p.warned ? null : one("Fraud warning", "warn", "Warned of."));
    default: return null;
  }
}

const pills = (...all) => make("div", { class: "pills" }, ...all);

// money refunds in the Dashboard: all that is left, or as much as is typed.
function money(p) {
  const label = () => (field.value === p.left ? "Refund all" : "Refund part");
  const button = make("button", { class: "pill", "data-act": "refund" });
  const field = make("input", {
    type: "text", inputmode: "decimal", value: p.left, "aria-label": "Amount to refund", id: "refund-" + p.session,
    oninput: () => { button.textContent = label(); },
  });
  button.textContent = label();
  return make("form", {
    class: "amount",
    onsubmit: (event) => {
      event.preventDefault();
      field.blur();
      const amount = field.value === p.left ? "" : field.value.trim();
      change("stripe/payment", { session: p.session, act: "refund", amount }, "Refunded in the Dashboard.");
    },
  }, field, button);
}

function refund(p, r) {
  const end = (label, act, done) => pill(label, "stripe/payment", { session: p.session, act, refund: r.id }, done, { "data-act": act });
  return make("div", { class: "line refund", "data-refund": r.id }, make("small", {}, `Refund of ${r.amount}: ${r.status}`),
    make("span", { class: "pills" }, r.status === "pending" ? end("Succeeds", "refund-arrives", "The refund succeeded.") : null,
      r.status === "pending" || r.status === "succeeded" ? end(r.status === "pending" ? "Fails" : "Bounces", "refund-fails", "The refund failed.") : null));
}

// settings are the moods of Telegram and Stripe, and how Stripe treats what happens.
export function settings(state) {
  const stripe = state.stripe;
  const set = (what) => change("stripe/settings", what);
  const line = (label, field) => make("div", { class: "line" }, make("span", {}, label), field);
  return section("panel-services", "Telegram and Stripe", "sliders",
    ...state.services.map((s) => make("div", { class: "server" }, ...moodLines(s))),
    make("div", { class: "server" },
      line("Payments", choice("payments-come", "How payments come", stripe.way, [["at-once", "at once"], ["slowly", "by a slow method"], ["too-late", "as the page expires"]], (way) => set({ way }), stripe.way !== "at-once")),
      line("Refunds", choice("refunds-end", "How refunds end", stripe.refunds, [["succeeded", "succeed at once"], ["pending", "stay pending"], ["failed", "fail"]], (refunds) => set({ refunds }), stripe.refunds !== "succeeded"))),
    tick("drop-webhooks", "Lose Stripe's webhooks", stripe.dropped, (drop) => set({ drop })),
    tick("many-webhooks", "Bring each webhook 100 times", stripe.many, (many) => set({ many })),
    tick("stored-failure", "The next refund is made, but answered 500, as its repeats are", stripe.stored > 0, (stored) => set({ stored })));
}

// events lists what Stripe told the shop of.
export function events(state) {
  const rows = state.stripe.events.map((e) => make("div", { class: "line event" },
    make("span", {}, make("strong", {}, e.type), make("small", { class: e.error ? "failed" : "", title: e.error || e.id }, `${time(new Date(e.at) / 1000)} · ${fate(e)}`)),
    pill("Send again", "stripe/resend", { event: e.id }, "Sent again.")));
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
