// How a request stands, in words. In: states of docs/widget.md. Moving, adding and withdrawing happen on the request's own page.

import { h, icon } from "./dom.js";

/** Icon and tone. The title's text has the name of the status, the hint's ends in Hint. */
const LOOKS = {
  calling: ["phone", "good live"],
  unreached: ["alert", "warn"],
  reached: ["check", "good"],
  held: ["check", ""],
  withdrawn: ["close", "quiet"],
  closed: ["close", "quiet"],
};

/** Nothing will change any more. */
export const isOver = ({ status }) => ["reached", "withdrawn", "closed"].includes(status);

export function titleOf({ status, from }, words) {
  return words.say(LOOKS[status] ? status : from ? "booked" : "inLine");
}

function hintOf({ status, minutes, from, until }, words) {
  if (LOOKS[status]) return words.say(status + "Hint");
  if (from) return words.say("bookedFor", { when: words.span(from, until) });
  return minutes === null ? words.say("inLineSome") : words.soon(minutes, "inLineAbout", "inLineSoon");
}

export class StateView {
  #shown = "";

  /** `again()` brings the form back. */
  constructor(words, link, again) {
    Object.assign(this, { words, link, again });
    this.live = h("div", { class: "state", role: "status" });
    this.rest = h("div", { class: "stack" });
    this.element = h("div", { class: "stack" }, this.live, this.rest);
  }

  /** Redraws only what is different, so that no focus is lost and nothing is read out twice. */
  update(state) {
    const { words } = this;
    const texts = [titleOf(state, words), hintOf(state, words)];
    const now = texts.join() + state.may;
    if (now === this.#shown) return;
    this.#shown = now;
    const [picture, tone] = LOOKS[state.status] ?? ["clock", state.from ? "" : "live"];
    this.live.replaceChildren(h("div", { class: `badge ${tone}` }, icon(picture)), h("h3", {}, texts[0]), h("p", {}, texts[1]));
    const over = isOver(state);
    this.rest.replaceChildren(
      h("dl", { class: "facts" }, h("dt", {}, words.say("yourNumber")), h("dd", { dir: "ltr" }, state.number)),
      ...[
        (over || state.status === "unreached") && h("button", { class: "send", type: "button", onclick: this.again }, words.say(over ? "fresh" : "renumber")),
        state.may.length > 0 && h("a", { class: "more", href: this.link, target: "_blank", rel: "noopener" }, words.say("change")),
      ].filter(Boolean),
    );
  }
}
