// <ringback-callback>: the button in the corner, and the frame that opens. In: the attributes of docs/widget.md. A request made
// on an earlier page of this tab is taken up again.

import { Api } from "./api.js";
import { h, icon } from "./dom.js";
import { Panel } from "./panel.js";
import { style } from "./style.js";
import { origin, recall, remember } from "./visit.js";
import { Words, languageOf } from "./words.js";

class RingbackCallback extends HTMLElement {
  async connectedCallback() {
    if (this.shadowRoot) return this.panel?.follow?.start();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [style];
    this.site = this.getAttribute("site");
    this.inline = this.hasAttribute("inline");
    this.words = await Words.load(languageOf(this.getAttribute("lang"), this.closest("[lang]")?.lang));
    this.api = new Api(this.site, this.words.language);
    origin();
    this.#build();
    this.panel = new Panel(this, this.getAttribute("link") ?? recall(this.site));
    if (this.inline) this.panel.show();
  }

  disconnectedCallback() {
    this.panel?.follow?.stop();
  }

  #build() {
    const { inline, words } = this;
    const { language } = words;
    this.status = h("p", { role: "status" });
    this.body = h("div", { class: "body", dir: words.say("dir") });
    const close = h("button", { class: "close", type: "button", "aria-label": words.say("close"), onclick: () => this.close() }, icon("close"));
    this.frame = h("section", { class: "panel", part: "panel", role: inline ? "region" : "dialog", "aria-labelledby": "title", tabindex: "-1", lang: language, hidden: !inline,
      onkeydown: ({ key }) => key === "Escape" && !inline && this.close() },
    h("header", { part: "header", dir: words.say("dir") }, h("div", {}, h("h2", { id: "title" }, words.say("title")), this.status), !inline && close),
    this.body);
    this.label = h("span");
    this.launcher = h("button", { class: "launcher", part: "launcher", type: "button", "aria-expanded": "false", lang: language, hidden: inline, onclick: () => this.open() },
      icon("phone"), this.label);
    this.name(null);
    this.shadowRoot.append(this.launcher, this.frame);
  }

  open() {
    this.#toggle(true);
    this.frame.focus();
    this.panel.show();
  }

  close() {
    this.#toggle(false);
    this.launcher.focus();
  }

  #toggle(open) {
    this.frame.hidden = !open;
    this.launcher.hidden = open;
  }

  /** What the button says; null: what it says by itself. */
  name(text) {
    this.label.textContent = text ?? this.getAttribute("label") ?? this.words.say("open");
  }

  /** The request that the next page shall know of; null to forget it. */
  keep(link) {
    remember(this.site, link);
  }
}

customElements.get("ringback-callback") ?? customElements.define("ringback-callback", RingbackCallback);
