/* One call on the desk: who it is, where it comes from, what is known, what was noted. Draws what `card` says and
   redraws only what changed, so that nobody loses their place. */

import { toast } from "./app.js";
import { duration, h, icon, moment, redraw, since, when } from "./desk-dom.js";
import { callbackParts, isAnnounced, mayPromise } from "./desk-callback.js";
import { contactChoices } from "./desk-contacts.js";
import { customerParts } from "./desk-customer.js";
import { NoteForm } from "./desk-note.js";
import { recordingParts } from "./desk-recording.js";
import { nameOf } from "./desk-state.js";
import { TaskForm } from "./desk-tasks.js";

const STATES = {
  ringing: { words: "Ringing", icon: "phone-incoming" },
  dialling: { words: "Calling", icon: "phone-outgoing" },
  talking: { words: "Talking", icon: "phone-call" },
  held: { words: "On hold", icon: "pause" },
  wrap_up: { words: "Wrap-up", icon: "square-pen" },
};
const CONNECTING = { words: "Connecting", icon: "phone-outgoing" };
const TRANSFERS = { blind: "Transferred by", attended: "Handed over by" };

export class CallCard extends HTMLElement {
  connectedCallback() {
    if (this.head) return;
    this.className = "call card";
    this.setAttribute("role", "article");
    this.head = h("div", { class: "call-head" });
    this.who = h("div", { class: "call-who" });
    this.contacts = h("div", { class: "call-contacts" });
    this.told = h("div", { class: "call-told" });
    this.callback = h("div", { class: "call-callback" });
    this.recording = h("div", { class: "call-recording" });
    this.more = h("div", { class: "call-more" });
    this.body = h("div", { class: "call-body" }, this.more);
    this.append(this.head, this.who, this.contacts, this.recording, this.callback, this.told, this.body);
  }

  /** Draw this card; call it after the element is in the document. `folded`: only its name, to be opened. */
  show(card, folded) {
    this.card = card;
    this.dataset.state = card.state;
    this.dataset.callId = card.call_id;
    this.setAttribute("aria-label", `${STATES[card.state].words}: ${nameOf(card)}`);
    this.classList.toggle("folded", folded);
    redraw(this.head, [card.state, card.since, card.queue, card.dialled, card.extension, card.answered_at, isAnnounced(card), folded], () =>
      this.drawHead(card, folded),
    );
    redraw(this.who, [who(card), card.state === "ringing"], () => customerParts(card).who);
    redraw(this.contacts, [card.contacts, card.customers.length, card.by_block], () => contactChoices(card));
    redraw(this.callback, [card.callback, card.customer_dialled_at, card.state, card.answered_at, nameOf(card), mayPromise(card)], () =>
      callbackParts(card),
    );
    redraw(this.recording, [card.state, card.direction, card.recording_paused_until], () => recordingParts(card));
    redraw(this.told, [card.transferred, card.notes], () => drawTold(card));
    redraw(this.more, [card.customers, card.match, card.by_block, card.is_picked, Boolean(card.blocked), card.state === "ringing"], () => customerParts(card).more);
    this.drawNote(card);
    this.drawTask(card);
  }

  drawHead(card, folded) {
    const state = isAnnounced(card) ? CONNECTING : STATES[card.state];
    const words = card.state === "wrap_up" ? talked(card) : since(card.since);
    return [
      h("span", { class: "call-state" }, icon(state.icon), h("span", {}, state.words), words),
      h("span", { class: "call-way" }, ...way(card)),
      folded && h("button", { class: "button small", type: "button", onclick: () => this.unfold() }, "Finish the note"),
    ];
  }

  unfold() {
    this.dispatchEvent(new CustomEvent("unfold", { bubbles: true, detail: this.card.call_id }));
  }

  /** Notes are for calls with people outside, once somebody is connected. */
  drawNote(card) {
    const wanted = card.direction !== "internal" && ["talking", "held", "wrap_up"].includes(card.state);
    if (wanted && !this.note) {
      this.note = new NoteForm(card);
      this.body.prepend(this.note.element);
    } else if (wanted) this.note.take(card);
  }

  /** A task is for the customer, and out of a conversation: there is one of each. */
  drawTask(card) {
    const wanted = card.direction !== "internal" && card.customers.length === 1 && ["talking", "held", "wrap_up"].includes(card.state);
    if (wanted && !this.task) {
      this.task = new TaskForm(card);
      this.body.append(this.task.element);
    }
    if (this.task) this.task.element.hidden = !wanted;
  }

  get isBusy() {
    return Boolean(this.note?.dirty) || this.contains(document.activeElement);
  }

  leave(movedTo) {
    this.note?.leave(movedTo);
    this.remove();
  }
}

function who(card) {
  return [card.direction, card.number_text, card.caller_name, card.colleague, card.match, card.by_block, card.customers, card.contacts, card.blocked];
}

function talked(card) {
  if (card.answered_at === null) return null;
  return h("span", { class: "num" }, `talked ${duration(card.since - card.answered_at)}`);
}

function way(card) {
  const parts = [];
  if (card.queue) parts.push(h("span", { class: "chip" }, icon("users"), h("span", { class: "visually-hidden" }, "Queue "), card.queue));
  if (card.direction === "inbound" && card.dialled) parts.push(h("span", { class: "chip", title: "The number that was dialled" }, icon("hash"), h("span", { class: "visually-hidden" }, "Dialled "), card.dialled_text));
  if (card.direction === "outbound") parts.push(h("span", { class: "chip" }, icon("arrow-up-right"), "Outgoing"));
  if (card.direction === "callback") parts.push(h("span", { class: "chip" }, icon("undo-2"), "Callback"));
  if (card.direction === "internal") parts.push(h("span", { class: "chip" }, icon("users"), "Colleague"));
  parts.push(h("span", { class: "chip quiet", title: "Your phone" }, icon("phone"), h("span", { class: "visually-hidden" }, "Your phone "), card.extension));
  return parts;
}

function drawTold(card) {
  const parts = [];
  if (card.transferred) {
    const { kind, name, extension, at } = card.transferred;
    const from = name ? `${name} (${extension})` : extension;
    parts.push(h("p", { class: "told-line" }, icon("arrow-left-right"), h("span", {}, `${TRANSFERS[kind]} `, h("strong", {}, from), h("span", { class: "muted num" }, ` ${when(at)}`))));
  }
  for (const note of card.notes) {
    parts.push(h("blockquote", { class: "told-note" }, h("p", {}, note.text), h("footer", { class: "muted", title: note.at ? moment(note.at) : null }, note.by ?? "A colleague", note.at ? `, ${when(note.at)}` : "")));
  }
  return parts;
}

export function sayGone(gone) {
  if (gone.card?.state !== "ringing") return;
  const name = nameOf(gone.card);
  const words = {
    answered_elsewhere: gone.by ? `${gone.by} answered ${name}` : `A colleague answered ${name}`,
    caller_gone: `${name} hung up`,
    timeout: `${name}: not answered in time`,
    forwarded: `${name} was forwarded`,
    busy: `${name}: your phone was busy`,
  };
  if (words[gone.reason]) toast(words[gone.reason], "done");
}

customElements.define("call-card", CallCard);
