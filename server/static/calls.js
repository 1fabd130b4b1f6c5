/* Keeps the call log true while it is looked at: every few seconds the same list is asked for again, and rows that are
   new or changed are put in their places. Nothing that stayed the same is touched, so that nobody loses their place, and
   earlier calls that were asked for stay. What the list holds is decided by the server. */

const EVERY_MS = 5000;
const REST = 20; // a list that takes the server long is asked for so much more seldom

/** The list that the page shows now, as the server would tell it; null when it cannot be had. */
async function latest() {
  try {
    const answer = await fetch(location.pathname + location.search, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null; // no network: the next time is soon
  }
}

function keyOf(row) {
  return row.dataset.row;
}

/** Put the rows of `fresh` at the beginning of `body`; rows below them were asked for and stay. */
function mergeRows(body, fresh) {
  const known = new Map([...body.rows].map((row) => [keyOf(row), row]));
  const wanted = [...fresh.rows];
  const last = wanted.findLast((row) => row.dataset.row !== "more" && known.has(keyOf(row)));
  const below = last && rowsBelow(known.get(keyOf(last)), new Set(wanted.map(keyOf)));
  let place = body.rows[0] ?? null;
  for (const row of wanted) {
    if (below?.length && row.dataset.row === "more") continue;
    const old = known.get(keyOf(row));
    const next = old?.outerHTML === row.outerHTML ? old : document.importNode(row, true);
    if (next === place) place = place.nextElementSibling;
    else body.insertBefore(next, place);
    if (old && next !== old) place = drop(old, place);
    if (next !== old) globalThis.htmx?.process(next);
  }
  while (place && !below?.includes(place)) place = drop(place, place);
}

/** Rows after the newest page: earlier calls that somebody asked for, with what asks for more. */
function rowsBelow(row, wanted) {
  const rows = [];
  for (let next = row.nextElementSibling; next; next = next.nextElementSibling) {
    if (!wanted.has(keyOf(next)) || rows.length) rows.push(next);
  }
  return rows.some((one) => one.dataset.row.startsWith("call-")) ? rows : [];
}

/** Take a row away; returns where the next one belongs. */
function drop(row, place) {
  const next = row === place ? place.nextElementSibling : place;
  row.remove();
  return next;
}

function mergeFigures(fresh) {
  const figures = document.getElementById("figures");
  const news = fresh.getElementById("figures");
  if (!figures || !news || figures.innerHTML === news.innerHTML) return;
  const focused = [...figures.children].indexOf(document.activeElement);
  figures.replaceChildren(...[...news.children].map((one) => document.importNode(one, true)));
  globalThis.htmx?.process(figures);
  figures.children[focused]?.focus();
}

async function lookAgain() {
  const query = location.search;
  if (document.hidden || new URLSearchParams(query).has("after")) return;
  const fresh = await latest();
  // Somebody chose another filter meanwhile: htmx has drawn, or will draw, what belongs to it.
  if (!fresh || location.search !== query || document.querySelector(".htmx-request")) return;
  const body = document.getElementById("rows");
  const rows = fresh.getElementById("rows");
  if (body && rows) mergeRows(body, rows);
  else if (body || rows) {
    document.getElementById("log").innerHTML = fresh.body.innerHTML;
    globalThis.htmx?.process(document.getElementById("log"));
    return;
  }
  mergeFigures(fresh);
}

async function keepLooking() {
  const began = performance.now();
  await lookAgain();
  setTimeout(keepLooking, Math.max(EVERY_MS, REST * (performance.now() - began)));
}

setTimeout(keepLooking, EVERY_MS);
addEventListener("visibilitychange", lookAgain);
