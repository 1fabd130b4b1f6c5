/* Pausing the recording of the call somebody is talking in, and how long the pause lasts: card numbers are read out
   meanwhile. The pause ends by itself; the server says so. */

import { toast } from "./app.js";
import { duration, h, icon, serverClock } from "./desk-dom.js";
import { callPath, post } from "./desk-post.js";

/** The nodes of the part; nothing where nothing can be paused. */
export function recordingParts(card) {
  const desk = document.getElementById("desk");
  if (!("pausesRecording" in desk.dataset) || card.direction === "internal") return [];
  if (!["talking", "held"].includes(card.state)) return [];
  return [card.recording_paused_until === null ? offer(card) : paused(card)];
}

function offer(card) {
  return h(
    "p",
    { class: "rec-line" },
    h("button", { class: "button small quiet", type: "button", title: "While a card number is read out", onclick: (event) => act(event, card, true) }, icon("pause"), "Pause recording"),
  );
}

function paused(card) {
  const until = card.recording_paused_until;
  return h(
    "div",
    { class: "rec-line rec-paused", role: "status" },
    icon("circle-pause"),
    h("span", {}, h("strong", {}, "Recording paused"), ", goes on in ", h("span", { class: "num", "data-rec-until": until, "aria-hidden": "true" }, left(until))),
    h("button", { class: "button small", type: "button", onclick: (event) => act(event, card, false) }, icon("play"), "Resume now"),
  );
}

async function act(event, card, wanted) {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    await post(callPath(card.call_id, "recording"), { paused: wanted });
  } catch (error) {
    toast(error.message, "error");
  }
  button.disabled = false;
}

function left(until) {
  return duration(Math.max(0, until - serverClock.now()));
}

setInterval(() => {
  for (const element of document.querySelectorAll("[data-rec-until]")) {
    element.textContent = left(Number(element.dataset.recUntil));
  }
}, 500);
