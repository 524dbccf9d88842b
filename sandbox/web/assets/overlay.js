// What stands above the page: toasts, alerts, the photo in full size.
const byId = (id) => document.getElementById(id);

// toast shows a line for a few seconds.
export function toast(text, className) {
  const element = document.createElement("div");
  element.className = "toast " + (className || "");
  element.dir = "auto";
  element.setAttribute("role", "status");
  element.textContent = text;
  byId("toasts").append(element);
  const seconds = Math.min(3 + text.length / 30, 8);
  setTimeout(() => {
    element.classList.add("gone");
    element.addEventListener("transitionend", () => element.remove(), { once: true });
    setTimeout(() => element.remove(), 600);
  }, seconds * 1000);
}

// alertBox shows a text that must be closed.
export function alertBox(title, text) {
  byId("alert-title").textContent = title;
  byId("alert-text").textContent = text;
  if (!byId("alert").open) byId("alert").showModal();
}

// copy puts text on the clipboard and says so.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyOldWay(text);
  }
  toast("Copied to clipboard", "copied");
}

// copyOldWay serves pages that may not use the clipboard's own interface.
function copyOldWay(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "offscreen";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

// showPhoto opens a photo in full size.
export function showPhoto(source, alt, caption) {
  const box = byId("lightbox");
  box.querySelector("img").src = source;
  box.querySelector("img").alt = alt;
  box.querySelector("p").textContent = caption;
  box.showModal();
}

// setUp wires the overlays' own buttons.
export function setUp() {
  const box = byId("lightbox");
  box.addEventListener("click", (event) => event.target.closest("p") || box.close());
  box.addEventListener("close", () => box.querySelector("img").removeAttribute("src"));
}
