// What can go wrong, each by one press.
import { change, make, pill, section } from "./control.js";
import { state as chat } from "./state.js";

// calm is the strip that says whether everything works, and ends whatever doesn't.
export function calm(state) {
  if (state.calm) return make("div", { id: "panel-calm", role: "status" }, make("span", {}, "Everything works"));
  return make("div", { id: "panel-calm", class: "faulty", role: "status" }, make("span", {}, "Faults are on"),
    pill("Everything works again", "calm", {}, "Everything works again.", { id: "calm" }));
}

// scenarios lists them; the one begun last says what to do and what will be seen.
export function scenarios(state) {
  return section("panel-scenarios", "What if…", "bolt", make("div", { class: "scenarios" }, ...state.scenarios.map((s) => scenario(s, s.id === state.playing))));
}

function scenario(s, playing) {
  const start = make("button", {
    class: "pill", type: "button", id: "scenario-" + s.id, "aria-label": s.name + ": start",
    onclick: () => change("scenario", { id: s.id, user: chat.active }, s.next),
  }, playing ? "Again" : "Start");
  return make("article", { class: playing ? "scenario playing" : "scenario", "data-scenario": s.id },
    make("div", { class: "line" }, make("strong", {}, s.name), start),
    playing ? make("ol", {}, make("li", {}, s.next), make("li", {}, s.see)) : null);
}
