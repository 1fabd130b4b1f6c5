/* The note of one call: written while the call goes on and after it, kept by the server as one types, and by this tab
   while the server is away. Closing it puts the card away. */

import { toast } from "./app.js";
import { h, icon } from "./desk-dom.js";
import { callPath, post } from "./desk-post.js";

const PAUSE_MS = 800;
const RETRY_MS = 4000;
const LONGEST = 4000;
const dispositions = document.getElementById("dispositions").content;

export class NoteForm {
  constructor(card) {
    this.callId = card.call_id;
    this.timer = null;
    this.dirty = false;
    this.text = h("textarea", {
      class: "input note-text",
      id: `note-${card.call_id}`,
      maxlength: LONGEST,
      placeholder: "What was it about? What was promised?",
      oninput: () => this.changed(),
      onblur: () => this.dirty && this.save(),
      onkeydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.submit(event),
    });
    this.choice = h("select", { class: "input", id: `disposition-${card.call_id}`, onchange: () => this.changed() });
    this.choice.append(h("option", { value: "" }, "No disposition"), dispositions.cloneNode(true));
    this.status = h("span", { class: "note-status muted", role: "status" });
    this.button = h("button", { class: "button primary", type: "submit" }, icon("check"), "Save and close");
    this.element = h(
      "form",
      { class: "note", onsubmit: (event) => this.submit(event) },
      h("div", { class: "field" }, h("label", { for: this.text.id }, "Note"), this.text),
      h(
        "div",
        { class: "note-foot" },
        h("div", { class: "field" }, h("label", { class: "visually-hidden", for: this.choice.id }, "Disposition"), this.choice),
        this.status,
        this.button,
      ),
    );
    this.take(card);
    this.recall();
  }

  /** The card as the server has it now; what is being typed here wins until it is saved. */
  take(card) {
    const over = card.state === "wrap_up";
    this.button.hidden = !over;
    this.element.classList.toggle("over", over);
    if (this.dirty) return;
    if (this.text.value !== card.draft.note) this.text.value = card.draft.note;
    this.choice.value = card.draft.disposition ?? "";
  }

  /** Text that could not be saved before this page was reloaded, or came with a call that joined this one. */
  recall(from = this.callId) {
    const kept = sessionStorage.getItem(key(from));
    if (kept === null) return;
    sessionStorage.removeItem(key(from));
    const { note, disposition } = JSON.parse(kept);
    this.text.value = note;
    this.choice.value = disposition ?? "";
    this.changed();
  }

  get value() {
    return { note: this.text.value, disposition: this.choice.value || null };
  }

  changed() {
    this.dirty = true;
    sessionStorage.setItem(key(this.callId), JSON.stringify(this.value));
    this.status.textContent = "";
    this.later(PAUSE_MS);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), wait);
  }

  async save() {
    clearTimeout(this.timer);
    const value = this.value;
    try {
      await post(callPath(this.callId, "note"), value);
    } catch (error) {
      this.status.textContent = error.status === 0 ? "Not saved yet: no connection" : error.message;
      if (error.status === 0) this.later(RETRY_MS);
      return;
    }
    if (JSON.stringify(value) !== JSON.stringify(this.value)) return;
    this.settle();
    this.status.textContent = "Saved";
  }

  async submit(event) {
    event.preventDefault();
    if (this.button.hidden) {
      await this.save();
      return;
    }
    clearTimeout(this.timer);
    this.button.disabled = true;
    try {
      await post(callPath(this.callId, "close"), this.value);
      this.settle();
    } catch (error) {
      toast(error.message, "error");
    } finally {
      this.button.disabled = false;
    }
  }

  settle() {
    this.dirty = false;
    sessionStorage.removeItem(key(this.callId));
  }

  /** The card is gone: nothing is sent any more. What was not saved goes with the call it moved to. */
  leave(movedTo) {
    clearTimeout(this.timer);
    const kept = sessionStorage.getItem(key(this.callId));
    sessionStorage.removeItem(key(this.callId));
    if (movedTo && kept !== null && this.dirty) sessionStorage.setItem(key(movedTo), kept);
    this.dirty = false;
  }
}

function key(callId) {
  return `ringback-note-${callId}`;
}
