/* The transcript beside the sound: the word that is said is marked, the dialogue scrolls along until somebody scrolls
   elsewhere, and words can be found. The words come from the server; finding is done as its search does: without case
   and accents, by the beginning of a word. */

import { fillGaps } from "./player-wave.js";

const QUIET_MS = 250; // typing pauses that long before it is searched

/** As `core/folding.py` folds: what Unicode does not take apart is named. */
const UNDECOMPOSED = { ł: "l", đ: "d", ð: "d", ø: "o", æ: "ae", œ: "oe", þ: "th", ı: "i", ħ: "h", ŋ: "n", ß: "ss" };

function fold(text) {
  const plain = text.normalize("NFKD").toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  return plain.replace(/[łđðøæœþıħŋß]/g, (letter) => UNDECOMPOSED[letter]);
}

function wordsOf(text) {
  return fold(text).match(/[\p{L}\p{N}_]+/gu) ?? [];
}

export function followDialogue(player) {
  const state = { words: [], starts: [], current: null, follows: true, hits: [], hit: -1 };
  const read = () => {
    state.words = player.all(".dialogue [data-t]:not(button)");
    // Both speakers at once are two turns: in the order of time, each word is found by when it begins.
    state.words.sort((one, two) => one.dataset.t - two.dataset.t);
    state.starts = state.words.map((word) => Number(word.dataset.t));
    state.current = null;
    state.hits = player.all(".w.hit");
    state.hit = -1;
    listenForScrolling(player, state);
    listenForFinding(player, state);
    count(player, state);
    show(player, state, player.now);
  };
  player.root.addEventListener("moment", (event) => show(player, state, event.detail));
  player.nextWord = (step) => goToWord(player, state, step);
  player.nextHit = (step) => goToHit(player, state, step);
  document.addEventListener("htmx:afterSettle", () => {
    const box = player.find("[data-dialogue]");
    if (box && !box.dataset.ready) read();
  });
  read();
}

/** Index of the last word that has begun at `at`; -1 before the first. */
function indexAt(starts, at) {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= at + 0.02) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function show(player, state, at) {
  const word = state.words[indexAt(state.starts, at)] ?? null;
  if (word === state.current) return;
  state.current?.classList.remove("said");
  state.current?.closest(".turn").classList.remove("now");
  state.current = word;
  if (!word) return;
  word.classList.add("said");
  const turn = word.closest(".turn");
  turn.classList.add("now");
  if (state.follows) bringIntoView(word, player.find("[data-dialogue]"));
}

/** Scrolls the dialogue, never the page. */
function bringIntoView(word, box) {
  const [inner, outer] = [word.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top >= outer.top + 40 && inner.bottom <= outer.bottom - 40) return;
  box.dataset.moving = "yes";
  box.scrollTop += inner.top - outer.top - outer.height / 3;
  requestAnimationFrame(() => setTimeout(() => delete box.dataset.moving, 50));
}

function listenForScrolling(player, state) {
  const box = player.find("[data-dialogue]");
  const button = player.find("[data-follow]");
  if (!box || box.dataset.ready) return;
  box.dataset.ready = "yes";
  const leave = () => {
    if (box.dataset.moving || !player.root.dataset.playing) return;
    state.follows = false;
    button.hidden = false;
  };
  box.addEventListener("wheel", leave, { passive: true });
  box.addEventListener("touchmove", leave, { passive: true });
  box.addEventListener("keydown", (event) => {
    if (["PageDown", "PageUp", "ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) leave();
  });
  button.addEventListener("click", () => {
    state.follows = true;
    button.hidden = true;
    if (state.current) bringIntoView(state.current, box);
  });
}

function listenForFinding(player, state) {
  const input = player.find("[data-find]");
  if (!input || input.dataset.ready) return;
  input.dataset.ready = "yes";
  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => find(player, state, input.value), QUIET_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    clearTimeout(timer);
    if (input.value !== state.wanted) find(player, state, input.value);
    goToHit(player, state, event.shiftKey ? -1 : 1);
  });
  state.wanted = input.value;
  player.find("[data-next]").addEventListener("click", () => goToHit(player, state, 1));
  player.find("[data-previous]").addEventListener("click", () => goToHit(player, state, -1));
}

function find(player, state, text) {
  state.wanted = text;
  const wanted = wordsOf(text);
  for (const word of player.all(".dialogue .w")) {
    const is = wordsOf(word.textContent).some((part) => wanted.some((one) => part.startsWith(one)));
    word.classList.toggle("hit", is);
    word.classList.remove("chosen");
  }
  state.hits = player.all(".w.hit");
  state.hit = -1;
  count(player, state);
  fillGaps(player.root);
}

function count(player, state) {
  const shown = player.find("[data-found]");
  if (!shown) return;
  const [total, at] = [state.hits.length, state.hit + 1];
  const asked = Boolean(state.wanted?.trim());
  shown.textContent = !asked ? "" : total === 0 ? "none" : at ? `${at} of ${total}` : `${total} found`;
  for (const name of ["[data-next]", "[data-previous]"]) player.find(name).disabled = total === 0;
}

function goToHit(player, state, step) {
  const total = state.hits.length;
  if (!total) return;
  state.hits[state.hit]?.classList.remove("chosen");
  state.hit = state.hit < 0 ? (step > 0 ? 0 : total - 1) : (state.hit + step + total) % total;
  const word = state.hits[state.hit];
  word.classList.add("chosen");
  bringIntoView(word, player.find("[data-dialogue]"));
  player.seek(Number(word.dataset.t));
  count(player, state);
}

function goToWord(player, state, step) {
  const next = state.starts[indexAt(state.starts, player.now) + step];
  if (next !== undefined) player.seek(next);
}
