// The choice of the moment: now where that can be kept, else among slots with places left. Out: `wish`, and words for the button.

import { h } from "./dom.js";

let groups = 0;

/** One radio that looks like a tile. */
function tile(group, value, chosen, onchange, ...content) {
  const input = h("input", { type: "radio", name: group, value, onchange });
  input.checked = chosen;
  return h("label", { class: "choice" }, input, ...content);
}

/** The slots of each day of the visitor's calendar. */
function byDay(slots) {
  const days = {};
  for (const slot of slots) (days[new Date(slot.from).toDateString()] ??= []).push(slot);
  return Object.values(days);
}

export class When {
  /** `changed()` is told of every choice; `words` of the widget. */
  constructor({ now, slots, zone }, words, changed) {
    this.words = words;
    this.changed = changed;
    this.group = `when${++groups}`;
    this.soon = now.possible;
    this.slot = null;
    this.days = byDay(slots);
    this.picker = this.days.length ? this.#picker(zone) : null;
    this.element = this.#build(now);
  }

  /** `now`, the beginning of the chosen slot, `opening` when nothing can be had, null when the visitor must still choose. */
  get wish() {
    if (this.soon) return "now";
    return this.days.length ? (this.slot?.from ?? null) : "opening";
  }

  get sendLabel() {
    const { words } = this;
    if (this.soon) return words.say("sendNow");
    return this.slot ? words.say("sendSlot", { when: words.span(this.slot.from) }) : words.say("send");
  }

  #build({ possible, minutes }) {
    const { words } = this;
    if (!this.picker) return null;
    if (!possible) return h("fieldset", {}, h("legend", {}, words.say("when")), this.picker);
    this.picker.hidden = true;
    return h("fieldset", { class: "stack" }, h("legend", {}, words.say("when")),
      h("div", { class: "choices when" },
        tile(this.group, "now", true, () => this.#choose(true), words.say("now"), h("small", {}, words.soon(minutes, "about", "moment"))),
        tile(this.group, "slot", false, () => this.#choose(false), words.say("slot"), h("small", {}, words.say("from"), " ", words.span(this.days[0][0].from)))),
      this.picker);
  }

  #choose(soon) {
    this.soon = soon;
    this.picker.hidden = soon;
    this.changed();
  }

  #picker(zone) {
    const { words } = this;
    this.times = h("div", { class: "choices times", role: "radiogroup", "aria-label": words.say("time") });
    const days = this.days.map((slots, index) =>
      tile(`${this.group}day`, index, !index, () => this.#showDay(slots), h("small", {}, words.weekday(slots[0].from)), words.date(slots[0].from)));
    this.#showDay(this.days[0]);
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return h("div", { class: "stack" },
      days.length > 1 && h("div", { class: "choices days", role: "radiogroup", "aria-label": words.say("day") }, days),
      this.times,
      here !== zone && h("p", { class: "hint" }, words.say("zone", { zone: here })));
  }

  #showDay(slots) {
    this.slot = null;
    this.times.replaceChildren(
      ...slots.map((slot) => tile(`${this.group}time`, slot.from, false, () => this.#take(slot), this.words.time(slot.from))));
    this.changed();
  }

  #take(slot) {
    this.slot = slot;
    this.changed();
  }
}
