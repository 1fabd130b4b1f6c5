/* The desk: brings the line, the screen, the cards and the ring together. */

import { CallCard, sayGone } from "./desk-card.js";
import { h, redraw, tick } from "./desk-dom.js";
import { Line } from "./desk-live.js";
import { Ringer } from "./desk-ring.js";
import {
  drawBanners,
  drawPhones,
  drawQueues,
  drawRecent,
  drawState,
  drawTools,
  listenNotify,
  listenState,
} from "./desk-side.js";
import { nameOf, Screen } from "./desk-state.js";
import { drawTasks } from "./desk-tasks.js";
import { drawPile } from "./desk-wrap-ups.js";

const root = document.getElementById("desk");
const cardsPlace = document.getElementById("cards");
const screen = new Screen();
const elements = new Map();
const unfolded = new Set();
const announced = new Set();
let line = null;
let lineState = "lost";
let lineLost = null;

const ringer = new Ringer(() => drawHints());

function hear(message) {
  if (message.v !== undefined && String(message.v) !== root.dataset.wire) return newerPage();
  for (const gone of screen.take(message)) leave(gone);
  draw();
  return undefined;
}

/** The server was updated while this page was open. Once: a proxy that keeps old pages must not make us spin. */
function newerPage() {
  if (sessionStorage.getItem("ringback-reloaded") === root.dataset.wire) return;
  sessionStorage.setItem("ringback-reloaded", root.dataset.wire);
  location.reload();
}

function leave(gone) {
  elements.get(gone.call_id)?.leave(gone.moved_to);
  elements.delete(gone.call_id);
  announced.delete(gone.call_id);
  unfolded.delete(gone.call_id);
  sayGone(gone);
  if (gone.moved_to) elements.get(gone.moved_to)?.note?.recall(gone.moved_to);
}

function draw() {
  drawCards();
  drawState(screen.agent);
  drawPhones(screen.devices);
  drawQueues(screen.queues);
  drawRecent(screen.recent);
  drawTasks(screen.tasks);
  drawHints();
  drawEmpty();
  ring();
}

function drawCards() {
  const cards = screen.ordered();
  const active = cards.some((card) => card.state !== "wrap_up");
  const firstWrapUp = cards.find((card) => card.state === "wrap_up")?.call_id;
  const folded = [];
  cards.forEach((card, place) => {
    const element = elements.get(card.call_id) ?? new CallCard();
    elements.set(card.call_id, element);
    if (cardsPlace.children[place] !== element) cardsPlace.insertBefore(element, cardsPlace.children[place] ?? null);
    const open = card.state !== "wrap_up" || unfolded.has(card.call_id) || element.isBusy || (!active && card.call_id === firstWrapUp);
    element.show(card, !open);
    if (open) element.hidden = false;
    else folded.push(element);
    announce(card);
  });
  drawPile(folded);
}

/** Read a new ringing call out, and tell the server that its card is on the page. */
function announce(card) {
  if (card.state !== "ringing") {
    announced.delete(card.call_id);
    return;
  }
  if (announced.has(card.call_id)) return;
  announced.add(card.call_id);
  line.say({ t: "shown", call_id: card.call_id, visible: document.visibilityState === "visible" });
  const from = card.queue ? `, queue ${card.queue}` : "";
  const words = card.direction === "callback" ? "Callback: answering connects you to" : "Incoming call:";
  document.getElementById("announce").textContent = `${words} ${nameOf(card)}${from}`;
}

function ring() {
  ringer.ring(
    screen.ringing().map((card) => ({
      id: card.call_id,
      title: card.direction === "callback" ? `Callback to ${nameOf(card)}` : `${nameOf(card)} is calling`,
      text: [card.number_text, card.queue].filter(Boolean).join(" · "),
    })),
  );
}

function drawHints() {
  const notifications = globalThis.Notification?.permission;
  drawBanners({
    lineLost: screen.known && lineState === "lost" ? lineLost : null,
    parted: lineState === "parted",
    links: screen.links,
    devices: screen.devices,
  });
  drawTools({ on: ringer.on, audible: ringer.audible, mayNotify: notifications === "default" });
}

function drawEmpty() {
  const place = document.getElementById("no-cards");
  place.hidden = screen.cards.size > 0;
  const paused = screen.agent.state === "paused";
  const phones = document.getElementById("phones").childElementCount;
  const isBlind = screen.links.some((one) => !one.up);
  const [words, more] = !phones
    ? ["No phone is set up for you", "Ask your administrator to name the phones you sit at: their calls appear here."]
    : isBlind
      ? ["Calls cannot be shown now", "Answer your phone as always. Cards come back as soon as the PBX is seen again."]
      : paused
        ? ["You are paused", "Your queues send you no calls. Direct calls still ring."]
        : ["Ready for calls", "When a phone of yours rings, the caller’s card appears here."];
  place.querySelector("[data-words]").textContent = words;
  place.querySelector("[data-more]").textContent = more;
}

function lineChanged(state, since) {
  lineState = state;
  lineLost = since;
  root.dataset.line = state;
  const words = { up: ["good", "Live"], lost: ["bad", "Reconnecting…"], parted: ["bad", "Stopped"] }[state];
  const place = document.getElementById("link-state");
  redraw(place, words, () => [h("span", { class: `dot ${words[0]}` }), ` ${words[1]}`]);
  drawHints();
}

cardsPlace.addEventListener("unfold", (event) => {
  unfolded.add(event.detail);
  draw();
  elements.get(event.detail)?.note?.text.focus();
});
document.getElementById("sound-button").addEventListener("click", () => ringer.pressed());
listenNotify(drawHints);
addEventListener("visibilitychange", () => {
  for (const card of document.hidden ? [] : screen.ringing()) {
    line.say({ t: "shown", call_id: card.call_id, visible: true });
  }
});
listenState();
setInterval(tick, 500);
line = new Line({ onmessage: hear, onstate: lineChanged });
line.open();
