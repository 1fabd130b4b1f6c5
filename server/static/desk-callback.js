/* What a call's card says of a callback: what the customer asked for and where, when it was promised; and what the agent
   can do while the announcement plays, when a machine answers, and when they promise to call again. */

import { toast } from "./app.js";
import { h, icon, moment, serverClock, when } from "./desk-dom.js";
import { callPath, post } from "./desk-post.js";
import { nameOf } from "./desk-state.js";

const TALKED = ["talking", "held", "wrap_up"];
const ORDINALS = ["", "First", "Second", "Third", "Fourth", "Fifth"];

/** An agent can promise to anybody outside; what a callback's own call keeps is open until it is over. */
export function mayPromise(card) {
  if (!document.getElementById("promise-dialog") || card.direction === "internal" || !card.number) return false;
  return card.callback ? card.state === "wrap_up" : TALKED.includes(card.state);
}

/** The agent has answered, and the customer is not dialled yet. */
export function isAnnounced(card) {
  return card.state === "talking" && Boolean(card.callback?.announces) && card.customer_dialled_at === null;
}

/** The nodes of the part; nothing for calls that are none and can promise nothing. */
export function callbackParts(card) {
  return [card.callback && strip(card), card.callback?.id && request(card.callback), tools(card)];
}

/** One line that says what happens now. */
function strip(card) {
  const name = nameOf(card);
  if (card.state === "ringing") {
    return h("p", { class: "cb-strip" }, icon("undo-2"), h("span", {}, "Callback: answering connects you to ", h("strong", {}, name)));
  }
  if (!isAnnounced(card)) return null;
  const dialledAt = card.answered_at + card.callback.announcement_s;
  return h(
    "div",
    { class: "cb-strip counting" },
    h("span", { class: "cb-count-down num", "data-countdown": dialledAt, "aria-hidden": "true" }, remaining(dialledAt)),
    h("span", { class: "cb-strip-words", role: "status" }, h("strong", {}, name), " is called in a moment"),
    h("button", { class: "button primary", type: "button", onclick: (event) => act(event, card, "connect") }, icon("phone-outgoing"), "Connect now"),
    h("button", { class: "button", type: "button", onclick: (event) => act(event, card, "decline") }, "Not now"),
  );
}

function request(callback) {
  const { source, site, name, message, page_url: page, referrer, utm, asked_at: asked, promised_from: from, promised_until: until, tries } = callback;
  const facts = [
    h("span", { title: moment(asked) }, `asked ${when(asked)}`),
    from && h("span", { title: moment(from) }, `promised for ${when(from)}`, until && serverClock.now() > until && h("span", { class: "badge bad" }, "Late")),
    tries > 0 && h("span", {}, `${ORDINALS[tries + 1] ?? `${tries + 1}th`} attempt`),
    callback.department && h("span", {}, callback.department),
  ];
  return h(
    "section",
    { class: "cb-asked", "aria-label": "What they asked for" },
    h("p", { class: "cb-asked-head" }, h("strong", {}, [source ?? "Callback", site].filter(Boolean).join(" · ")), ...facts.filter(Boolean).map((one) => (one.classList.add("muted"), one))),
    name && h("p", {}, "Name given: ", h("strong", {}, name), callback.unverified && h("span", { class: "badge warn" }, "Unverified")),
    message && h("blockquote", {}, message),
    page && h("p", { class: "cb-asked-page" }, icon("globe"), h("span", { class: "visually-hidden" }, "Page "), pageLink(page)),
    (utm.length > 0 || referrer) && h("p", { class: "cb-tags" }, ...utm.map(([key, value]) => h("span", { class: "chip", title: key }, icon("tag"), value)), referrer && h("span", { class: "muted" }, `from ${host(referrer)}`)),
  );
}

/** Only addresses of the web become links: a stranger wrote this. */
function pageLink(text) {
  return /^https?:\/\//i.test(text) ? h("a", { href: text, target: "_blank", rel: "noopener noreferrer nofollow" }, text) : h("span", {}, text);
}

function host(text) {
  try {
    return new URL(text).host;
  } catch {
    return text;
  }
}

function tools(card) {
  const talked = TALKED.includes(card.state);
  const machine = card.callback && talked && card.customer_dialled_at !== null;
  const parts = [
    machine && !card.callback.machine && h("button", { class: "button small", type: "button", onclick: (event) => act(event, card, "machine") }, icon("voicemail"), "A machine answered"),
    machine && card.callback.machine && h("span", { class: "badge voicemail" }, icon("voicemail"), "A machine answered: still owed a call"),
    mayPromise(card) && h("button", { class: "button quiet small", type: "button", "data-act": "promise", "data-id": card.call_id, "data-name": nameOf(card) }, icon("alarm-clock"), "Promise a callback…"),
  ].filter(Boolean);
  return parts.length ? h("p", { class: "cb-tools" }, ...parts) : null;
}

async function act(event, card, what) {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    await post(callPath(card.call_id, what), {});
  } catch (error) {
    toast(error.message, "error");
    button.disabled = false;
  }
}

function remaining(until) {
  return String(Math.max(0, Math.ceil(until - serverClock.now())));
}

setInterval(() => {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const text = remaining(Number(element.dataset.countdown));
    if (element.textContent === text) continue;
    element.textContent = text;
    if (text !== "0") continue;
    element.closest(".cb-strip").querySelector(".cb-strip-words").lastChild.textContent = " is being called …";
  }
}, 200);
