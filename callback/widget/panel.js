// What stands in the frame: the form until a request is sent, then how it stands.

import { h } from "./dom.js";
import { Follow } from "./follow.js";
import { Form } from "./form.js";
import { isOver, StateView, titleOf } from "./state.js";

export class Panel {
  #draft = {};
  #shown = false;

  /** `host` is the element; `link` is of a request made before. */
  constructor(host, link) {
    this.host = host;
    if (link) this.#track(link);
  }

  show() {
    if (this.#shown) return;
    this.#shown = true;
    if (this.follow) this.#showState();
    else this.#showForm();
  }

  /** The form anew; what it sends takes the place of the request behind `instead`. */
  async #showForm(instead) {
    const { words, api } = this.host;
    this.view = null;
    this.#headline("");
    this.#fill(h("p", { class: "wait", role: "status" }, words.say("loading")));
    try {
      const offer = await api.offer();
      const form = new Form({ offer, words, api, draft: this.#draft, sent: (link, state) => this.#sent(link, state, instead) });
      this.#headline(form.headline, offer.now.possible);
      this.#fill(form.element);
    } catch (problem) {
      this.#fill(h("div", { class: "stack" },
        h("p", { class: "notice bad", role: "alert" }, problem.message || words.say(problem.code === "offline" ? "offline" : "failed")),
        h("button", { class: "send", type: "button", onclick: () => this.#showForm(instead) }, words.say("again"))));
    }
  }

  async #sent(link, state, instead) {
    if (instead) await this.host.api.withdraw(instead).catch(() => null);
    this.#track(link, state);
    this.#showState();
    this.host.frame.focus();
  }

  /** From now on follow this request, on the next page as well. */
  #track(link, state) {
    this.follow?.stop();
    this.host.keep(link);
    this.follow = new Follow(this.host.api, link, state, (now) => this.#changed(now));
    this.follow.start();
  }

  #changed(state) {
    if (!state) return this.#again();
    const over = isOver(state);
    if (over) this.host.keep(null);
    this.host.name(over ? null : titleOf(state, this.host.words));
    this.view?.update(state);
  }

  #again(instead) {
    if (!instead) {
      this.follow.stop();
      this.follow = null;
      this.host.keep(null);
      this.host.name(null);
    }
    if (this.#shown) this.#showForm(instead);
    this.host.frame.focus();
  }

  #showState() {
    const { follow } = this;
    this.view = new StateView(this.host.words, follow.link, () => this.#again(isOver(follow.state) ? null : follow.link));
    this.#headline("");
    this.#fill(this.view.element);
    if (follow.state) this.view.update(follow.state);
  }

  #headline(status, free) {
    const line = this.host.status;
    line.textContent = status;
    line.className = free ? "free" : "";
    line.hidden = !status;
  }

  #fill(element) {
    this.host.body.replaceChildren(element);
  }
}
