// Talks to the public listener that this module came from. Out: parsed JSON, or a Problem with the field to correct.

import { SERVER } from "./address.js";

const DEADLINE_MS = 20_000;

/** `field` names what the visitor can correct; `code` is stable, "offline" when no answer came. */
export class Problem extends Error {
  constructor(code, detail, field) {
    super(detail);
    this.code = code;
    this.field = field;
  }
}

export class Api {
  constructor(site, language) {
    this.base = `${SERVER}w/${encodeURIComponent(site)}/`;
    this.language = language;
  }

  offer = () => this.#ask(this.base + "offer");
  challenge = () => this.#ask(this.base + "challenge");
  request = (body) => this.#ask(this.base + "requests", body);
  state = (link) => this.#ask(`${link}/state`);
  withdraw = (link) => this.#ask(`${link}/withdraw`, {});

  async #ask(address, body) {
    const headers = { Accept: "application/json", "Accept-Language": this.language };
    if (body) headers["Content-Type"] = "application/json";
    let answer;
    let said;
    try {
      answer = await fetch(address, {
        method: body ? "POST" : "GET",
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      said = await answer.json();
    } catch {
      throw new Problem("offline");
    }
    if (!answer.ok) throw new Problem(said.code, said.detail, said.field);
    return said;
  }
}
