// Texts in one of our languages, and days and times as the visitor's browser writes them, in their time zone.

import { FILES } from "./address.js";

const LANGUAGES = ["en", "pl", "es"];

/** The first of these languages that we speak, else English. */
export function languageOf(...wanted) {
  return wanted.map((one) => (one ?? "").slice(0, 2).toLowerCase()).find((one) => LANGUAGES.includes(one)) ?? "en";
}

export class Words {
  /** Times in: ISO 8601. English is written as the visitor's own country does, as far as the browser tells. */
  static async load(language) {
    const answer = await fetch(new URL(`texts/${language}.json`, FILES));
    const words = new Words();
    words.language = language;
    words.texts = await answer.json();
    words.locale = navigator.languages.find((one) => one.startsWith(language)) ?? (language === "en" ? "en-GB" : language);
    return words;
  }

  /** say("soon", {time: "2 minutes"}) */
  say(name, values = {}) {
    return this.texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  }

  /** "in a moment", or `name` with about so many minutes. */
  soon(minutes, name, moment) {
    if (!(minutes > 1)) return this.say(moment);
    const unit = { style: "unit", unit: "minute", unitDisplay: "long" };
    return this.say(name, { time: new Intl.NumberFormat(this.locale, unit).format(minutes) });
  }

  /** When we open next. */
  opening(at) {
    return this.say("opens", { day: this.#write(at, { weekday: "long" }), time: this.time(at) });
  }

  time = (at) => this.#write(at, { hour: "numeric", minute: "2-digit" });

  date = (at) => this.#write(at, { day: "numeric", month: "short" });

  /** "Today" or "Mon". */
  weekday(at) {
    const isToday = new Date(at).toDateString() === new Date().toDateString();
    return isToday ? this.say("today") : this.#write(at, { weekday: "short" });
  }

  /** "Mon 23 Nov, 9:30 – 10:00". */
  span(from, until) {
    return `${this.weekday(from)} ${this.date(from)}, ${this.time(from)}` + (until ? ` – ${this.time(until)}` : "");
  }

  #write(at, options) {
    return new Intl.DateTimeFormat(this.locale, options).format(new Date(at));
  }
}
