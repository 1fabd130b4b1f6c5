/* What is done to the sound while it plays: one side alone, and jumping over silence. The audio itself stays as it is
   on the server. */

const QUIET = 0.012; // of full scale: a telephone line's noise lies below
const SHORTEST_S = 1.5; // a pause that a listener would notice
const EDGE_S = 0.25; // words begin softly

/** Both sides, the customer alone or our side alone; whoever is chosen is heard in both ears. */
export function hearSides(player) {
  const group = player.find("[data-hear]");
  if (!group) return;
  let gains = null;
  group.addEventListener("change", (event) => {
    gains ??= connect(player.audio);
    gains.context.resume();
    mix(gains, event.target.value);
  });
}

/** The sound through two gains, made when somebody first wants one side: until then the browser plays it by itself. */
function connect(audio) {
  const context = new AudioContext();
  const split = context.createChannelSplitter(2);
  const merge = context.createChannelMerger(2);
  context.createMediaElementSource(audio).connect(split);
  const ways = [0, 1].map((from) =>
    [0, 1].map((to) => {
      const gain = context.createGain();
      split.connect(gain, from);
      gain.connect(merge, 0, to);
      return gain.gain;
    }),
  );
  merge.connect(context.destination);
  return { context, ways };
}

function mix({ ways }, whom) {
  const shares = { both: [[1, 0], [0, 1]], customer: [[1, 1], [0, 0]], ours: [[0, 0], [1, 1]] }[whom];
  ways.forEach((row, from) => row.forEach((gain, to) => (gain.value = shares[from][to])));
}

/** Stretches in which nobody is heard, from the peaks of all channels. */
function silences({ perSecond, lanes }, duration) {
  if (!perSecond) return [];
  const found = [];
  const slices = Math.max(...lanes.map((lane) => lane.length));
  let began = null;
  for (let slice = 0; slice <= slices; slice += 1) {
    const loud = slice === slices || lanes.some((lane) => (lane[slice] ?? 0) > QUIET);
    if (!loud) began ??= slice;
    else if (began !== null) {
      const [from, to] = [began / perSecond + EDGE_S, Math.min(slice / perSecond, duration) - EDGE_S];
      if (to - from >= SHORTEST_S) found.push([from, to]);
      began = null;
    }
  }
  return found;
}

export function hopSilence(player) {
  const box = player.find("[data-hop]");
  let gaps = null;
  box.addEventListener("change", () => {
    gaps = player.peaks ? silences(player.peaks, player.duration) : [];
    const total = gaps.reduce((sum, [from, to]) => sum + to - from, 0);
    if (box.checked) player.say(`${Math.round(total)} seconds of silence are skipped`);
  });
  player.root.addEventListener("moment", (event) => {
    if (!box.checked || player.audio.paused || !gaps) return;
    const gap = gaps.find(([from, to]) => event.detail >= from && event.detail < to);
    if (gap) player.seek(gap[1]);
  });
}
