// Makes elements. No innerHTML anywhere: what visitors and servers say is text, and strict host pages allow no more.

/** h("button", {class: "send", onclick: send}, "Send"): what is false or empty is left out. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (!value) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter(Boolean));
  return element;
}

const PATHS = {
  phone:
    "M22 16.9v3a2 2 0 0 1-2.2 2 19.8 19.8 0 0 1-8.6-3.1 19.5 19.5 0 0 1-6-6A19.8 19.8 0 0 1 2.1 4.2 2 2 0 0 1 4.1 2h3a2 2 0 0 1 2 1.7c.1 1 .4 1.9.7 2.8a2 2 0 0 1-.5 2.1L8.1 9.9a16 16 0 0 0 6 6l1.3-1.3a2 2 0 0 1 2.1-.4c.9.3 1.8.6 2.8.7a2 2 0 0 1 1.7 2z",
  close: "M18 6 6 18M6 6l12 12",
  clock: "M12 7v5l3 2M12 2a10 10 0 1 0 0 20 10 10 0 1 0 0-20",
  check: "M20 6 9 17l-5-5",
  alert: "M12 8v5M12 16.5v.1M12 2a10 10 0 1 0 0 20 10 10 0 1 0 0-20",
};

/** A line drawing of 24 by 24 that screen readers pass over. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
