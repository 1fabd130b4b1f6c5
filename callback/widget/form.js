// The form: moment, number, name, message. In: the server's offer. Out: one request, after which `sent(link, state)` is called.
// What is wrong is said beside its field and the focus goes there; nothing typed is ever lost.

import { h, icon } from "./dom.js";
import { prove } from "./proof.js";
import { origin, visitor } from "./visit.js";
import { When } from "./when.js";

const TYPED = ["number", "name", "message"];

export class Form {
  #busy = false;

  constructor({ offer, words, api, draft, sent }) {
    Object.assign(this, { offer, words, api, draft, sent });
    this.proof = prove(api.challenge);
    this.when = new When(offer, words, () => this.#label());
    this.#build();
    this.#label();
  }

  /** The line under the title. */
  get headline() {
    const { words } = this;
    const { now, slots, opens } = this.offer;
    if (now.possible) return words.soon(now.minutes, "soon", "free");
    if (opens) return words.opening(opens);
    return slots.length ? words.say("later") : "";
  }

  #build() {
    const { words, draft, offer } = this;
    this.notice = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.number = h("input", { id: "number", type: "tel", autocomplete: "tel", dir: "ltr", maxlength: 40, required: true });
    this.name = h("input", { id: "name", autocomplete: "name", maxlength: 100, dir: "auto" });
    this.message = h("textarea", { id: "message", rows: 2, maxlength: 1000, dir: "auto" });
    for (const name of TYPED) this[name].value = draft[name] ?? "";
    this.trap = h("input", { name: "website", tabindex: "-1", autocomplete: "off" });
    this.button = h("button", { class: "send", part: "submit" });
    this.element = h("form", { novalidate: true, onsubmit: (event) => this.#send(event) },
      this.notice,
      // Neither now nor a time can be offered. When we open stands in the headline.
      this.when.wish === "opening" && h("p", { class: "notice" }, icon("clock"), words.say(offer.open ? "busy" : "shut")),
      this.when.element && this.#field("wish", this.when.element),
      this.#box("number", "", this.#prefix(), this.number),
      this.#box("name", words.say("optional"), this.name),
      this.#box("message", words.say("optional"), this.message),
      h("div", { class: "trap", "aria-hidden": "true" }, this.trap),
      this.button,
      h("p", { class: "consent" }, this.#consent, " ",
        offer.privacy_url && h("a", { href: offer.privacy_url, target: "_blank", rel: "noopener" }, words.say("privacy"))));
  }

  get #consent() {
    return this.offer.consent || this.words.say("consent");
  }

  #box(name, hint, ...content) {
    const label = h("label", { for: name }, this.words.say(name), " ", hint && h("span", { class: "hint" }, `(${hint})`));
    return this.#field(name, label, h("div", { class: "box", dir: name === "number" && "ltr" }, content));
  }

  #field(name, ...content) {
    return h("div", { class: "field", "data-field": name }, ...content, h("p", { class: "fault", id: `${name}-fault`, role: "alert", hidden: true }));
  }

  /** The country's prefix; a choice only where there is one. */
  #prefix() {
    const { countries, country } = this.offer;
    const shown = () => {
      this.country = countries[select ? select.selectedIndex : 0];
      this.number.placeholder = this.country.example;
    };
    const select = countries.length > 1 && h("select", { class: "prefix", "aria-label": this.words.say("country"), onchange: shown },
      countries.map(({ code, prefix }) => h("option", { selected: code === (this.draft.country ?? country) }, `${code} +${prefix}`)));
    shown();
    return select || h("span", { class: "prefix" }, `+${this.country.prefix}`);
  }

  #label() {
    if (this.button && !this.#busy) this.button.textContent = this.when.sendLabel;
  }

  async #send(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#clear();
    for (const name of TYPED) this.draft[name] = this[name].value.trim();
    this.draft.country = this.country.code;
    if (this.when.wish === null) return this.#fault("wish", this.words.say("needTime"));
    if (!this.draft.number) return this.#fault("number", this.words.say("needNumber"));
    this.#wait(true);
    try {
      const { link, ...state } = await this.api.request(await this.#request());
      this.sent(link, state);
    } catch (problem) {
      this.#wait(false);
      this.#refused(problem);
    }
  }

  async #request() {
    const proof = (await this.proof) ?? (await prove(this.api.challenge));
    return { ...this.draft, ...origin(), wish: this.when.wish, language: this.words.language, consent: this.#consent, visitor: visitor(),
      token: (await this.fresh)?.token ?? this.offer.token, proof, website: this.trap.value };
  }

  /** A token or proof that grew old is replaced behind the scenes; the visitor sends once more. */
  #refused({ code, message, field }) {
    const { words } = this;
    if (this.element.querySelector(`[data-field="${field}"]`)) this.#fault(field, message);
    else {
      this.notice.replaceChildren(icon("alert"), code === "offline" ? words.say("offline") : (message || words.say("failed")));
      this.notice.hidden = false;
      this.notice.scrollIntoView({ block: "nearest" });
    }
    this.proof = prove(this.api.challenge);
    this.fresh = this.api.offer().catch(() => null);
  }

  #wait(busy) {
    this.#busy = busy;
    this.button.setAttribute("aria-disabled", busy);
    if (busy) this.button.textContent = this.words.say("sending");
    else this.#label();
  }

  #clear() {
    for (const note of this.element.querySelectorAll("[role=alert]")) note.hidden = true;
    for (const input of this.element.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  #fault(name, sentence) {
    const field = this.element.querySelector(`[data-field="${name}"]`);
    const fault = field.querySelector(".fault");
    const input = field.querySelector("input:not([type=radio]), textarea");
    fault.replaceChildren(icon("alert"), h("span", {}, sentence));
    fault.hidden = false;
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-describedby", fault.id);
    (input ?? field.querySelector(".times input")).focus();
  }
}
