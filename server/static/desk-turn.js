/* Whose turn it is to make the noise where a browser has no Web Locks (plain http): tabs agree over a BroadcastChannel.
   The oldest tab that asks plays, and says so again and again; when it says good-bye or falls silent (killed, crashed,
   the good-bye lost with its process), the others ask anew. What is played is not known here. */

const ELECTION_MS = 200;
const BEAT_MS = 1000;
const SILENCE_MS = 3500; // three beats: the timers of a hidden tab are late by up to a second

export class Turn {
  /** `play(signal)` begins when the turn is ours; its signal ends it, because `signal` did or an older tab plays. */
  constructor(name, signal, play) {
    this.tab = `${Date.now()}-${Math.random()}`;
    this.play = play;
    this.playing = null;
    this.asking = false;
    this.timer = null;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => this.hear(data);
    signal.addEventListener("abort", () => this.leave(), { once: true });
    this.ask();
  }

  ask() {
    this.asking = true;
    this.say("asks");
    this.after(ELECTION_MS, () => this.begin());
  }

  begin() {
    this.asking = false;
    this.playing = new AbortController();
    this.play(this.playing.signal);
    this.beat();
  }

  beat() {
    this.say("plays");
    this.after(BEAT_MS, () => this.beat());
  }

  /** Somebody else has a better claim: be quiet for as long as they are heard of. */
  wait() {
    this.asking = false;
    this.playing?.abort();
    this.playing = null;
    this.after(SILENCE_MS, () => this.ask());
  }

  leave() {
    clearTimeout(this.timer);
    this.playing?.abort();
    if (this.playing || this.asking) this.say("leaves");
    this.channel.close();
  }

  hear({ says, tab }) {
    const isOlder = tab < this.tab;
    if (this.playing) {
      // Two that play have not heard each other in time: the older one goes on.
      if (says === "plays" && isOlder) this.wait();
      else if (says !== "leaves") this.say("plays");
    } else if (says === "leaves") this.ask();
    else if (says === "plays" || isOlder) this.wait();
    else if (this.asking) this.say("asks");
  }

  say(says) {
    this.channel.postMessage({ says, tab: this.tab });
  }

  after(milliseconds, step) {
    clearTimeout(this.timer);
    this.timer = setTimeout(step, milliseconds);
  }
}
