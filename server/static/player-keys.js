/* Keys of the player. They work while the focus is inside it and not in a field, so that no key of the page or of a
   screen reader is taken away. */

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];

const KEYS = {
  " ": (player) => player.toggle(),
  k: (player) => player.toggle(),
  j: (player) => player.seek(player.now - 10),
  l: (player) => player.seek(player.now + 10),
  arrowleft: (player) => player.seek(player.now - 5),
  arrowright: (player) => player.seek(player.now + 5),
  home: (player) => player.seek(0),
  ",": (player) => player.nextWord(-1),
  ".": (player) => player.nextWord(1),
  "<": (player) => changeSpeed(player, -1),
  ">": (player) => changeSpeed(player, 1),
  n: (player) => player.nextHit(1),
  p: (player) => player.nextHit(-1),
  s: (player) => player.find("[data-hop]").click(),
  c: (player) => player.find("[data-comment-text]")?.focus(),
};

function changeSpeed(player, step) {
  const next = SPEEDS[SPEEDS.indexOf(player.speed) + step];
  if (next === undefined) return;
  player.speed = next;
  player.say(`${next} times`);
}

/** Whether this key already means something where the focus is. */
function isTaken(target, key) {
  if (target.closest("dialog, select, textarea, [data-more]")) return true;
  if (target.matches("input[type=range], input[type=radio]")) return key.startsWith("arrow") || key === "home";
  if (target.matches("input[type=checkbox], button, a, summary")) return key === " ";
  return target.matches("input");
}

export function listenForKeys(player) {
  player.root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const key = event.key.toLowerCase();
    if (event.target.matches("[data-comment-text], [data-find]") && key === "escape") player.root.focus();
    const act = KEYS[key];
    if (!act || isTaken(event.target, key)) return;
    event.preventDefault();
    act(player);
  });
  // A click on the waveform gives the player the keys.
  player.find("[data-wave]").addEventListener("click", () => player.root.focus({ preventScroll: true }));
}
