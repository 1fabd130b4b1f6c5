/* The player of recordings: finds every `[data-player]` of the page and brings its parts together: the waveform, the
   sound, the dialogue, comments and keys. What may be heard is decided by the server; nothing here knows about rights. */

import { fillGaps, drawWave } from "./player-wave.js";
import { followDialogue } from "./player-dialogue.js";
import { listenForKeys } from "./player-keys.js";
import { hearSides, hopSilence } from "./player-sound.js";

const STEP_MS = 80; // how often the dialogue follows while it plays: a short word lasts longer

/** 7 → "0:07", 3725 → "1:02:05" */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

class Player {
  constructor(root) {
    this.root = root;
    this.audio = this.find("[data-sound]");
    this.duration = Number(root.dataset.duration);
    this.peaks = null;
    this.cue = 0; // where the sound will begin; the browser takes a position only once something is loaded
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  all(selector) {
    return [...this.root.querySelectorAll(selector)];
  }

  get now() {
    return this.audio.readyState ? this.audio.currentTime : this.cue;
  }

  /** Go to a second; what plays goes on there. */
  seek(at) {
    const wanted = Math.min(Math.max(at, 0), this.duration);
    this.cue = wanted;
    if (this.audio.readyState) this.audio.currentTime = wanted;
    this.root.dispatchEvent(new CustomEvent("moment", { detail: wanted }));
  }

  playFrom(at) {
    this.seek(at);
    return this.play();
  }

  async play() {
    for (const other of document.querySelectorAll("[data-player] audio")) if (other !== this.audio) other.pause();
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.fail();
    }
  }

  toggle() {
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  get speed() {
    return Number(this.find("[data-speed]").value);
  }

  set speed(value) {
    this.find("[data-speed]").value = String(value);
    this.audio.playbackRate = value;
  }

  fail() {
    const note = this.find("[data-error]");
    note.hidden = false;
    note.lastElementChild.textContent = "The audio cannot be played. It may have been removed, or you were logged out.";
  }

  say(text) {
    this.find("[data-said]").textContent = text;
  }
}

/** The copy this browser plays: Opus is half the size, but not every browser takes it in an Ogg file. */
function chooseCopy(player) {
  const opus = player.audio.canPlayType('audio/ogg; codecs="opus"');
  player.audio.controls = false;
  player.audio.src = `${player.root.dataset.audio}/${opus ? "opus" : "mp3"}`;
  player.audio.preservesPitch = true;
}

function keepTime(player) {
  const { audio, root } = player;
  const seek = player.find("[data-seek]");
  const shown = [player.find("[data-now]"), player.find("[data-comment-now]")];
  let timer = null;
  const show = (at) => {
    const text = clock(at);
    for (const one of shown) if (one.isConnected) one.textContent = text;
    const [now, later] = [player.find("[data-now]"), player.find("[data-comment-now]")];
    now.textContent = text;
    if (later) later.textContent = text;
    const form = player.find("[data-comment-at]");
    if (form) form.value = at.toFixed(2);
    seek.value = String(Math.round(at));
    seek.setAttribute("aria-valuetext", `${text} of ${clock(player.duration)}`);
  };
  const tell = () => root.dispatchEvent(new CustomEvent("moment", { detail: player.now }));
  root.addEventListener("moment", (event) => show(event.detail));
  audio.addEventListener("loadedmetadata", () => {
    if (player.cue) audio.currentTime = player.cue;
    audio.playbackRate = player.speed;
  });
  audio.addEventListener("play", () => {
    root.dataset.playing = "yes";
    clearInterval(timer);
    timer = setInterval(tell, STEP_MS);
  });
  for (const name of ["pause", "ended"]) {
    audio.addEventListener(name, () => {
      delete root.dataset.playing;
      clearInterval(timer);
      tell();
    });
  }
  audio.addEventListener("error", () => player.fail());
  audio.addEventListener("playing", () => {
    player.find("[data-error]").hidden = true;
  });
  seek.addEventListener("input", () => player.seek(Number(seek.value)));
  show(0);
}

function listenForButtons(player) {
  const play = player.find("[data-play]");
  const label = () => play.setAttribute("aria-label", player.audio.paused ? "Play" : "Pause");
  player.audio.addEventListener("play", label);
  player.audio.addEventListener("pause", label);
  player.root.addEventListener("click", (event) => {
    const skip = event.target.closest("[data-skip-by]");
    if (skip) player.seek(player.now + Number(skip.dataset.skipBy));
    else if (event.target.closest("[data-play]")) player.toggle();
    else if (event.target.closest(".moment[data-t], .dialogue [data-t]")) {
      if (!getSelection().isCollapsed) return; // somebody is copying words
      player.playFrom(Number(event.target.closest("[data-t]").dataset.t));
    }
  });
  player.find("[data-speed]").addEventListener("change", () => {
    player.speed = player.speed;
  });
}

function listenForMenus(root) {
  root.addEventListener("click", (event) => {
    const open = event.target.closest("[data-open]");
    if (open) document.getElementById(open.dataset.open).showModal();
    event.target.closest("[data-close]")?.closest("dialog").close();
  });
  const more = root.querySelector("[data-more]");
  document.addEventListener("click", (event) => {
    if (more.open && (!more.contains(event.target) || event.target.closest("a, button"))) more.open = false;
  });
  more.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !more.open) return;
    more.open = false;
    more.firstElementChild.focus();
    event.stopPropagation();
  });
}

async function setUp(root) {
  if (root.dataset.ready) return;
  root.dataset.ready = "yes";
  const player = new Player(root);
  chooseCopy(player);
  keepTime(player);
  listenForButtons(player);
  listenForMenus(root);
  hearSides(player);
  hopSilence(player);
  followDialogue(player);
  listenForKeys(player);
  await drawWave(player);
  beginWhereAsked(player);
}

/** A link may name a moment, or words: then it begins at the first of them. */
function beginWhereAsked(player) {
  const { begin } = player.root.dataset;
  const isSearch = Boolean(player.find(".w.hit"));
  if (begin) player.seek(Number(begin));
  else if (isSearch) player.nextHit(1);
  if ((begin || isSearch) && !location.hash) player.root.closest(".sound").scrollIntoView();
}

function setUpAll() {
  for (const root of document.querySelectorAll("[data-player]")) setUp(root);
}

setUpAll();
document.addEventListener("htmx:load", setUpAll);
document.addEventListener("htmx:afterSwap", (event) => {
  const root = event.detail.elt.closest?.("[data-player]");
  if (root) fillGaps(root);
});
