/* The line to the server: opens /live, hands over every message in order, notices a dead line, comes back by itself
   and says where it was, so that nothing is missed. What messages mean is not known here. */

import { serverClock } from "./desk-dom.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;
const SILENCE_MS = 35000; // two missed beats and a little
const SESSION_ENDED = 4401;
const TOO_MANY_TABS = 4409;

export class Line {
  /** `onmessage(message)` for snapshot, resumed and changes; `onstate("up" | "lost", since)`. */
  constructor({ onmessage, onstate }) {
    this.onmessage = onmessage;
    this.onstate = onstate;
    this.position = null;
    this.tries = 0;
    this.timer = null;
    this.watch = null;
    this.socket = null;
    this.lostAt = null;
    addEventListener("online", () => this.open());
    addEventListener("offline", () => this.drop());
    addEventListener("pagehide", () => this.socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  open() {
    clearTimeout(this.timer);
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    const address = new URL("/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    if (this.position) address.searchParams.set("from", `${this.position.epoch}:${this.position.seq}`);
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onmessage = (event) => this.socket === socket && this.hear(JSON.parse(event.data));
    socket.onclose = (event) => this.socket === socket && this.closed(event.code);
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  hear(message) {
    this.listen();
    if (message.now !== undefined) serverClock.set(message.now);
    if (message.t === "snapshot" || message.t === "resumed") {
      this.tries = 0;
      this.lostAt = null;
      this.position = { epoch: message.epoch, seq: message.seq };
      this.onmessage(message);
      this.onstate("up", null);
    } else if (message.t === "changes") {
      if (message.seq !== this.position.seq + 1) return this.lostCount();
      this.position.seq = message.seq;
      this.onmessage(message);
    } else if (message.t === "beat" && message.seq !== this.position.seq) {
      this.lostCount();
    }
    return undefined;
  }

  /** A number is missing: only a new snapshot is certain to be true. */
  lostCount() {
    this.position = null;
    this.drop();
  }

  /** Silence means a dead line, whatever the socket believes. */
  listen() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.drop(), SILENCE_MS);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.closed(0);
  }

  closed(code) {
    clearTimeout(this.watch);
    this.socket = null;
    if (code === SESSION_ENDED) return logIn();
    this.lostAt ??= serverClock.now();
    this.onstate(code === TOO_MANY_TABS ? "parted" : "lost", this.lostAt);
    if (code === TOO_MANY_TABS) return undefined;
    if (this.tries === 2) askSession();
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries) * (0.5 + Math.random());
    this.tries += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), wait);
    return undefined;
  }
}

function logIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

/** A refused handshake says nothing to a script: ask in a way that does. */
async function askSession() {
  try {
    const answer = await fetch("/desk", { method: "HEAD" });
    if (answer.status === 401) logIn();
  } catch {
    /* no network: the line goes on trying */
  }
}
