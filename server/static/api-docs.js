/* Sends the requests that the page about the API describes, as the person says them, and shows the answers as text.
   With a key they go without the cookie of whoever is logged in. The key stays in its field: nothing keeps it. */

import { ask } from "./app.js";

const LONGEST = 200_000; // characters of an answer that are shown; more only slows the page down
const GAP = '"…"';
const HEADERS = ["content-type", "etag", "location", "retry-after", "idempotent-replayed", "x-request-id"];

const keyField = document.getElementById("key");

/** Address and options of `fetch` for what stands in the form. */
function requestOf(form, method, path) {
  const headers = {};
  const query = new URLSearchParams();
  const options = { method, headers, cache: "no-store", redirect: "manual" };
  let address = path;
  for (const field of form.elements) {
    const place = field.dataset.place;
    const value = field.value;
    if (!place || (value === "" && place !== "path")) continue;
    if (place === "path") address = address.replace(`{${field.name}}`, encodeURIComponent(value));
    else if (place === "query") query.append(field.name, value);
    else if (place === "header") headers[field.name] = value;
    else if (place === "body") {
      headers["Content-Type"] = "application/json";
      options.body = value;
    }
  }
  const key = keyField.value.trim();
  if (key) {
    headers.Authorization = `Bearer ${key}`;
    options.credentials = "omit";
  }
  return [query.size ? `${address}?${query}` : address, options];
}

function line(className, text) {
  const element = document.createElement(className === "code" ? "pre" : "p");
  element.className = className === "code" ? "api-example" : className;
  element.textContent = text;
  return element;
}

/** JSON in lines, anything else as it came; cut where nobody reads on. */
function pretty(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // plain text, or no body at all
  }
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}\n…` : shown;
}

async function send(form, method, path) {
  const place = form.querySelector(".api-answer");
  const button = form.querySelector("button");
  button.disabled = true;
  place.hidden = false;
  const began = performance.now();
  try {
    const [address, options] = requestOf(form, method, path);
    const answer = await fetch(address, options);
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    const told = HEADERS.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
    place.replaceChildren(
      line("mono", `${answer.status} ${answer.statusText} · ${took} ms · ${method} ${address}`),
      line("code", told.join("\n")),
      ...(text ? [line("code", pretty(text))] : []),
    );
  } catch (error) {
    place.replaceChildren(line("notice warn", `No answer: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

/** The sample of a body has … where only people know what belongs there: it is not sent as a name. */
function hasGap(form) {
  const body = form.querySelector("[data-place=body]");
  if (!body?.value.includes(GAP)) return false;
  body.setCustomValidity(`Write your own words in place of every ${GAP}, or leave the line out`);
  body.addEventListener("input", () => body.setCustomValidity(""), { once: true });
  return !form.reportValidity();
}

for (const one of document.querySelectorAll(".api-try")) {
  const form = one.querySelector("form");
  one.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (hasGap(form)) return;
    const go = () => send(form, one.dataset.method, one.dataset.path);
    if (one.dataset.method === "DELETE") ask("This removes something on this server. Send it?", "Send DELETE", go);
    else go();
  });
}
document.getElementById("api-key").hidden = false;
