/* Hears that something about callbacks is different and says so to the page ("callbacks-changed" on the body), which
   reads its part anew. Also every minute: what is late, and for how long somebody waits, changes by itself. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const EVERY_MS = 60000;
const SESSION_ENDED = 4401;

const IN_EXCHANGE = ".htmx-request, .htmx-swapping, .htmx-added, .htmx-settling";

let tries = 0;
let missed = false;
let unheard = false;
let pressed = false;
let held = false;

export function say() {
  missed = document.hidden;
  held = pressed;
  if (missed || held) return;
  unheard = document.querySelector(IN_EXCHANGE) !== null;
  tell();
}

function tell() {
  document.body.dispatchEvent(new Event("callbacks-changed"));
}

/* A part that is just being exchanged hears nothing, and what it is exchanged for may have been read before. What a
   person asks for goes before (hx-sync): it takes the place of a reading that is under way. */
document.addEventListener("htmx:afterSettle", () => {
  if (!unheard) return;
  unheard = false;
  tell();
});

/* What is drawn anew between the press and the release of a button swallows the click: it waits for the release. */
document.addEventListener("pointerdown", () => (pressed = true), true);
for (const over of ["pointerup", "pointercancel"]) {
  document.addEventListener(over, () => setTimeout(release), true); // the click itself comes first
}
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!pressed || event.detail.requestConfig.triggeringEvent?.type !== "callbacks-changed") return;
  event.detail.shouldSwap = false;
  held = true;
});

function release() {
  pressed = false;
  if (held) say();
}

function open() {
  const address = new URL("/callbacks/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  const since = Date.now();
  socket.onopen = () => {
    document.documentElement.dataset.callbacks = "live";
    if (tries) say();
    tries = 0;
  };
  socket.onmessage = say;
  socket.onclose = (event) => {
    delete document.documentElement.dataset.callbacks;
    if (event.code === SESSION_ENDED) return location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries) * (0.5 + Math.random());
    tries = Date.now() - since > EVERY_MS ? 1 : tries + 1;
    setTimeout(open, wait);
    return undefined;
  };
}

document.addEventListener("visibilitychange", () => missed && say());
setInterval(say, EVERY_MS);
open();
