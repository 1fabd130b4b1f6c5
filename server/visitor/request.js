// The page behind a visitor's link, made live: times as this browser writes them, and the state anew every few seconds. Without
// this script the page is whole, only still.

const PAUSE_MS = 5000;
const spoken = document.documentElement.lang;
const language = navigator.languages.find((one) => one.startsWith(spoken)) ?? spoken;
const time = (at) => new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(new Date(at));
const day = (at) => new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" }).format(new Date(at));

function localise(root) {
  for (const one of root.querySelectorAll("time")) one.textContent = `${day(one.dateTime)}, ${time(one.dateTime)} – ${time(one.dataset.until)}`;
  for (const one of root.querySelectorAll("optgroup")) one.label = day(one.dataset.day);
  for (const one of root.querySelectorAll("option[data-from]")) one.textContent = `${time(one.dataset.from)} – ${time(one.dataset.until)}`;
}

/** Only the state is replaced while somebody writes; when what they may do has changed, the whole page is. */
async function look() {
  const shown = document.getElementById("state");
  const answer = await fetch(`${location.pathname}/state`, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) return;
  const before = JSON.parse(shown.dataset.state);
  const now = await answer.json();
  if (JSON.stringify(now) === JSON.stringify(before)) return;
  const page = new DOMParser().parseFromString(await (await fetch(location.href, { cache: "no-store" })).text(), "text/html");
  localise(page);
  if (String(now.may) !== String(before.may)) document.querySelector("main").replaceWith(page.querySelector("main"));
  else replaceState(shown, page.getElementById("state"));
}

/** The status itself stays in the page: screen readers tell what changes inside it. */
function replaceState(shown, fresh) {
  shown.className = fresh.className;
  shown.dataset.state = fresh.dataset.state;
  shown.querySelector("[role=status]").replaceChildren(...fresh.querySelector("[role=status]").childNodes);
}

async function follow() {
  if (!document.hidden) await look().catch(() => null);
  setTimeout(follow, PAUSE_MS);
}

localise(document);
setTimeout(follow, PAUSE_MS);
