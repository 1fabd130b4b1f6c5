/* Building nodes and wording numbers. Text goes in as text, always: a caller's name is written by strangers.
   No state, no network. */

import { icon } from "./app.js";

/** An element with attributes (`onclick` and the like become listeners) and children (strings become text). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export { icon };

const zone = document.getElementById("desk")?.dataset.zone;
const clockFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
const yearFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short", year: "numeric" });
const keyFormat = new Intl.DateTimeFormat("en-CA", { timeZone: zone });

/** The server's clock: every duration on the page is measured against it, not against this machine's. */
export const serverClock = {
  offset: 0,
  set(now) {
    this.offset = now - Date.now() / 1000;
  },
  now() {
    return Date.now() / 1000 + this.offset;
  },
};

/** 14:02 in the site's time zone; `at` in seconds. */
export function clock(at) {
  return clockFormat.format(at * 1000);
}

/** 14:02 today, else 21 Nov, else 21 Nov 2025. */
export function when(at) {
  const then = new Date(at * 1000);
  const now = new Date(serverClock.now() * 1000);
  if (keyFormat.format(then) === keyFormat.format(now)) return clock(at);
  const day = then.getFullYear() === now.getFullYear() ? dayFormat.format(then) : yearFormat.format(then);
  return day.replaceAll(" ", "\u00a0");
}

/** 21 Nov, 14:02: for hints and screen readers. */
export function moment(at) {
  return `${dayFormat.format(at * 1000)}, ${clock(at)}`;
}

/** 0:07, 12:40, 1:02:05. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A running duration; `tick` keeps it true. */
export function since(at, attributes = {}) {
  return h("time", { class: "num", "data-since": at, ...attributes }, duration(serverClock.now() - at));
}

export function tick() {
  const now = serverClock.now();
  for (const element of document.querySelectorAll("[data-since]")) {
    const text = duration(now - Number(element.dataset.since));
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Rebuild `place` only when `data` is another than last time; a field that is being filled in keeps text and focus. */
export function redraw(place, data, build) {
  const key = JSON.stringify(data);
  if (place.dataset.drawn === key) return;
  place.dataset.drawn = key;
  const field = place.contains(document.activeElement) ? document.activeElement : null;
  const kept = field?.name ? { name: field.name, value: field.value } : null;
  place.replaceChildren(...[build()].flat().filter(Boolean));
  const again = kept && place.querySelector(`[name="${kept.name}"]`);
  if (!again) return;
  again.value = kept.value;
  again.focus();
}
