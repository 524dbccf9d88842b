// The icons, drawn on 24×24 with round lines.
const paths = {
  back: "M20 12H5M11 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  down: "M6 9l6 6 6-6",
  reply: "M10 7L4 12l6 5M4.5 12H14a6 6 0 0 1 6 6",
  clip: "M19 11.5l-7.6 7.4a5 5 0 0 1-7-7.1l8.2-8a3.3 3.3 0 0 1 4.7 4.7l-8 7.8a1.7 1.7 0 0 1-2.4-2.4l7-6.8",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  sliders: "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5",
  theme: "M12 3.5a8.5 8.5 0 1 0 8.5 8.5A6.5 6.5 0 0 1 12 3.5z",
  block: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM6 6l12 12",
  out: "M8 16L16 8M9 8h7v7",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2 12.5l4.5 4.5L15 7.5M11.5 16l1 1L22 7.5",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z",
  play: "M8 5.5l11 6.5-11 6.5z",
  clock: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 7.5V12l3 2",
  sim: "M7 3.5h7l4 4v13H7zM10 12h5v5h-5z",
  wallet: "M4 7.5h14.5v11H4zM4 7.5l11-3.5v3.5M15 13h3.5",
  book: "M5 4.5h11.5a2.5 2.5 0 0 1 2.5 2.5v12.5H7.5A2.5 2.5 0 0 1 5 17zM5 17a2.5 2.5 0 0 1 2.5-2.5H19M9 8.5h6",
  card: "M3.5 6.5h17v11h-17zM3.5 10.5h17M7 14.5h4",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
};

const ns = "http://www.w3.org/2000/svg";

// icon returns a new drawing; it is decoration, the button says its name.
export function icon(name) {
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(ns, "path");
  if (name === "send") {
    svg.classList.add("solid");
    path.setAttribute("d", "M4 20.2l17-8.2L4 3.8l-.4 6.4L14 12l-10.4 1.8z");
  } else {
    path.setAttribute("d", paths[name]);
  }
  svg.append(path);
  return svg;
}

// decorate puts its icon into every element that names one.
export function decorate(root) {
  for (const element of root.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
}
