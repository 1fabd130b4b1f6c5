/* Rule P26: a background tab still rings, and only one tab of an agent makes the noise. Every tab that may play asks
   for the same Web Lock while something rings; who has it plays. Where there are no locks (plain http) desk-turn.js
   says whose turn it is. A tab that a browser restored is mute until a click. */

import { Turn } from "./desk-turn.js";

const LOCK = "ringback-ring";
const KEPT = "ringback-sound";
const PROBE_MS = 200;
const LONGEST_TITLE = 40;

export class Ringer {
  /** `onchange()` when something a hint depends on has changed. */
  constructor(onchange) {
    this.onchange = onchange;
    this.on = localStorage.getItem(KEPT) !== "off";
    this.audio = null;
    this.abort = null;
    this.title = document.title;
    this.notes = new Map();
    this.justWoken = false;
    for (const gesture of ["pointerdown", "keydown"]) {
      addEventListener(gesture, () => this.wake(), { capture: true });
    }
    // A page that is kept for the back button must not keep the turn.
    addEventListener("pagehide", () => this.silence());
    maySound().then((may) => may && this.wake());
  }

  /** Whether a ring would be heard in this tab. */
  get audible() {
    return this.audio?.state === "running";
  }

  async wake() {
    if (this.audible) return;
    this.audio ??= new AudioContext();
    // Pends for as long as the browser wants a click first, so it is not waited for.
    this.audio.resume().then(() => this.retry());
    this.audio.onstatechange = () => this.onchange();
  }

  retry() {
    this.justWoken = true;
    setTimeout(() => (this.justWoken = false), 500);
    this.onchange();
    if (this.wanted?.length && !this.abort) this.ring(this.wanted);
  }

  /** The sound switch. The click that woke a silent tab must not switch it off at once. */
  pressed() {
    if (this.justWoken) return;
    this.on = !this.on;
    localStorage.setItem(KEPT, this.on ? "on" : "off");
    if (!this.on) this.silence();
    else if (this.wanted?.length) this.ring(this.wanted);
    this.onchange();
  }

  /** `calls` is [{id, title, text}] of everything that rings now; an empty list is silence. */
  ring(calls) {
    this.wanted = calls;
    document.title = calls.length ? `☎ ${shortened(calls[0].title)}` : this.title;
    this.notify(calls);
    if (!calls.length) this.silence();
    else if (this.on && this.audible && !this.abort) this.takeTurn();
  }

  silence() {
    this.abort?.abort();
    this.abort = null;
  }

  async takeTurn() {
    this.abort = new AbortController();
    const { signal } = this.abort;
    if (!navigator.locks) {
      new Turn(LOCK, signal, (mine) => this.play(mine));
      return;
    }
    try {
      await navigator.locks.request(LOCK, { signal }, () => this.play(signal));
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  /** Ring until told to stop: two soft notes, a pause, again. */
  async play(signal) {
    document.documentElement.dataset.ringing = "here";
    while (!signal.aborted) {
      this.note(740, 0, 0.35);
      this.note(587, 0.18, 0.45);
      await new Promise((done) => {
        const timer = setTimeout(done, 1800);
        signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
      });
    }
    delete document.documentElement.dataset.ringing;
  }

  note(frequency, delay, length) {
    const begin = this.audio.currentTime + delay;
    const tone = this.audio.createOscillator();
    const gain = this.audio.createGain();
    tone.frequency.value = frequency;
    tone.type = "triangle";
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(0.22, begin + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, begin + length);
    tone.connect(gain).connect(this.audio.destination);
    tone.start(begin);
    tone.stop(begin + length);
  }

  /** One notification per call however many tabs there are: they share its tag. */
  notify(calls) {
    for (const [id, note] of this.notes) {
      if (calls.some((call) => call.id === id)) continue;
      note.close();
      this.notes.delete(id);
    }
    if (!document.hidden || globalThis.Notification?.permission !== "granted") return;
    for (const call of calls) {
      if (this.notes.has(call.id)) continue;
      const note = new Notification(call.title, { body: call.text, tag: call.id, requireInteraction: true });
      note.onclick = () => {
        window.focus();
        note.close();
      };
      this.notes.set(call.id, note);
    }
  }
}

/** Whether this tab may sound without a click. Asked with an element that has nothing to play: an AudioContext made too
    early is a warning on the console. */
async function maySound() {
  if (navigator.userActivation?.hasBeenActive) return true;
  const refused = new Audio().play().then(
    () => false,
    (error) => error.name === "NotAllowedError",
  );
  return !(await Promise.race([refused, new Promise((done) => setTimeout(done, PROBE_MS, false))]));
}

/** A tab has room for a few words. */
function shortened(text) {
  const letters = [...text];
  return letters.length > LONGEST_TITLE ? `${letters.slice(0, LONGEST_TITLE - 1).join("")}…` : text;
}
