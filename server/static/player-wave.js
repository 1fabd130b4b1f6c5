/* The waveform: peaks from the server, drawn by wavesurfer.js in the colours of the page, one lane per channel. Marks
   lie over it: words that were searched for, comments, and what is silent on purpose. It draws and is clicked on; the
   sound is the page's own `audio`. */

import WaveSurfer from "./vendor/wavesurfer/wavesurfer.esm.js";

const LANE = 44;
const MIXED_LANE = 64;
const FLAT = 200; // points of a line where no peaks are known

const waves = new WeakMap();

/** Lists of 0…1 per channel, loudest slice of the whole recording at 1: telephones are quiet. */
async function readPeaks(player) {
  const lanes = Number(player.root.dataset.channels) === 2 ? 2 : 1;
  const flat = Array.from({ length: lanes }, () => new Array(FLAT).fill(0));
  if (!player.root.dataset.peaks) return { perSecond: 0, lanes: flat };
  try {
    const answer = await fetch(player.root.dataset.peaks);
    if (!answer.ok) return { perSecond: 0, lanes: flat };
    const said = await answer.json();
    return { perSecond: said.per_second, lanes: said.channels.slice(0, lanes) };
  } catch {
    return { perSecond: 0, lanes: flat }; // the sound is there all the same
  }
}

function loudest(lanes) {
  let most = 0.01;
  for (const lane of lanes) for (const value of lane) if (value > most) most = value;
  return most;
}

/** What a colour of the style sheet is in this scheme; custom properties do not say. */
function colourOf(player, className) {
  const probe = document.createElement("i");
  probe.className = `wave-colour ${className}`;
  player.find(".wave").append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function laneLooks(player, count) {
  const names = count === 2 ? ["customer", "ours"] : ["mixed"];
  return names.map((name) => ({
    height: count === 2 ? LANE : MIXED_LANE,
    waveColor: colourOf(player, `${name} rest`),
    progressColor: colourOf(player, name),
  }));
}

export async function drawWave(player) {
  const { perSecond, lanes } = await readPeaks(player);
  const most = loudest(lanes);
  player.peaks = { perSecond, lanes };
  const looks = laneLooks(player, lanes.length);
  const wave = WaveSurfer.create({
    container: player.find("[data-wave]"),
    media: player.audio,
    url: player.audio.src,
    peaks: lanes.map((lane) => lane.map((value) => Math.sqrt(value / most))),
    duration: player.duration,
    splitChannels: looks,
    height: looks[0].height,
    barWidth: 2,
    barGap: 1,
    barRadius: 2,
    barMinHeight: 1,
    cursorColor: colourOf(player, "cursor"),
    cursorWidth: 2,
    dragToSeek: { debounceTime: 0 },
    hideScrollbar: true,
    cspNonce: document.querySelector("[data-style-nonce]")?.nonce,
  });
  player.find(".wave-blank")?.remove();
  waves.set(player.root, { wave, player });
  // Where it was clicked: before anything is loaded the browser itself would forget it.
  wave.on("interaction", (at) => player.seek(at));
  player.root.addEventListener("moment", (event) => moveCursor(wave, player, event.detail));
  keepColours(player, wave, lanes.length);
  fillGaps(player.root);
}

/** The library moves its cursor as the sound goes; until it is loaded the cursor goes to where it will begin. */
function moveCursor(wave, player, at) {
  if (!player.audio.readyState) wave.getRenderer?.().renderProgress(at / player.duration, false);
}

function keepColours(player, wave, count) {
  const repaint = () =>
    wave.setOptions({ splitChannels: laneLooks(player, count), cursorColor: colourOf(player, "cursor") });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

/** Lay the marks over the waveform anew: after a search, a comment, or another transcript. */
export function fillGaps(root) {
  const found = waves.get(root);
  if (!found) return;
  const { wave, player } = found;
  const wrapper = wave.getWrapper();
  for (const old of wrapper.querySelectorAll("[data-mark]")) old.remove();
  const marks = [
    ...player.all("[data-gap]").map((gap) => span(player, gap)),
    ...player.all(".w.hit").map((word) => line(player, Number(word.dataset.t), "hit", word.textContent)),
    ...player.all("[data-comment]").map((one) => {
      const text = one.querySelector(".comment-text").textContent;
      return line(player, Number(one.dataset.from), "comment", text);
    }),
  ];
  wrapper.append(...marks);
}

function span(player, gap) {
  const [from, to] = [Number(gap.dataset.from), Number(gap.dataset.to)];
  const mark = line(player, from, gap.dataset.why, gap.dataset.label);
  mark.style.width = `${(100 * (to - from)) / player.duration}%`;
  mark.style.minWidth = "3px";
  return mark;
}

function line(player, at, part, title) {
  const mark = document.createElement("div");
  mark.dataset.mark = part;
  mark.part = `mark ${part}`;
  mark.title = title;
  mark.style.position = "absolute";
  mark.style.left = `${(100 * at) / player.duration}%`;
  return mark;
}
