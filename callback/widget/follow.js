// Asks how a request stands, as often as its state deserves, and never from a page that nobody looks at.

import { isOver } from "./state.js";

const SOON_MS = 3_000;
const LATER_MS = 20_000;
const FAR_MS = 10 * 60_000;

export class Follow {
  #timer;
  #changed;
  #failures = 0;

  /** `changed(state)` hears of every answer, and null when the link is no longer good. */
  constructor(api, link, state, changed) {
    Object.assign(this, { api, link, state });
    this.#changed = changed;
  }

  start() {
    document.addEventListener("visibilitychange", this.#ask);
    if (this.state) this.take(this.state);
    else this.#ask();
  }

  stop() {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#ask);
  }

  /** A state that another answer brought. */
  take(state) {
    this.state = state;
    this.#failures = 0;
    this.#changed(state);
    clearTimeout(this.#timer);
    if (!isOver(state)) this.#timer = setTimeout(this.#ask, this.#pause());
  }

  #ask = async () => {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    try {
      this.take(await this.api.state(this.link));
    } catch (problem) {
      if (problem.code === "not-found") this.#changed(null);
      else this.#timer = setTimeout(this.#ask, LATER_MS * Math.min(++this.#failures, 6));
    }
  };

  #pause() {
    const { status, from } = this.state;
    const far = from && new Date(from) - Date.now() > FAR_MS;
    return status === "held" || (status === "waiting" && far) ? LATER_MS : SOON_MS;
  }
}
