// What the page knows: the people, their messages, and who is looked at.

export const state = {
  bot: { first_name: "", username: "" },
  people: [],
  messages: new Map(), // by the id of the person, or the group
  unread: new Map(),
  actions: new Map(), // what the bot is doing, by chat: {text, timer}
  active: 0,
  speaker: 0, // who writes in groups; 0 for the first of their members
  payload: "", // of a deep link that waits for START
  clockSkew: 0, // the sandbox's time less the browser's, in ms
};

// person returns one of the people, the active one by default.
export function person(id = state.active) {
  return state.people.find((p) => p.id === id);
}

// own returns who the page is in the active chat, as the posts say it: in a group, one of its members.
export function own() {
  const chat = person();
  return chat?.members ? { user: speaker(), chat: chat.id } : { user: state.active };
}

// speaker is who writes in the active chat.
export function speaker() {
  const members = person()?.members;
  if (!members) return state.active;
  return (members.find((m) => m.id === state.speaker) || members[0]).id;
}

// list returns a person's messages, oldest first.
export function list(id = state.active) {
  if (!state.messages.has(id)) state.messages.set(id, []);
  return state.messages.get(id);
}

// post sends JSON to the sandbox; it rejects with the sandbox's own words.
export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return unwrap(response);
}

// unwrap returns an answer's JSON, or rejects with its error.
export async function unwrap(response) {
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || "The sandbox does not answer.");
  return answer;
}

// now is the sandbox's time.
export function now() {
  return new Date(Date.now() + state.clockSkew);
}

// remember keeps who was active: for this tab and those it opens, so that a payment comes back to
// the person who made it, and for tabs that are opened by hand.
export function remember(id) {
  try {
    sessionStorage.setItem("active", String(id));
    localStorage.setItem("active", String(id));
  } catch { /* a browser that keeps nothing */ }
}

// remembered returns who was active last, 0 for nobody.
export function remembered() {
  try {
    return Number(sessionStorage.getItem("active") || localStorage.getItem("active")) || 0;
  } catch {
    return 0;
  }
}
