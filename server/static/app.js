/* Behaviour that every page has: messages, the stored appearance, questions before something is lost, and the
   words of errors that htmx meets. Nothing here fetches data. */

import { sayAtField } from "./form-errors.js";
import { icon } from "./icons.js";

export { icon };

const MESSAGE_MS = 6000;
const OFFER_MS = 20_000;

/** Say something in the corner; `kind` is "done" or "error", `offer` a button with what it does ({words, act}). Read out
    by screen readers. What can be undone stays longer. */
export function toast(text, kind = "done", offer = null) {
  const item = document.createElement("div");
  item.className = `toast ${kind}`;
  const words = document.createElement("span");
  words.textContent = text;
  item.append(icon(kind === "error" ? "circle-alert" : "circle-check"), words);
  if (offer) item.append(offerButton(item, offer));
  document.getElementById("toasts")?.append(item);
  setTimeout(() => item.remove(), offer ? OFFER_MS : MESSAGE_MS);
}

function offerButton(item, { words, act }) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "button small", textContent: words });
  button.addEventListener("click", () => {
    item.remove();
    act();
  });
  return button;
}

function chooseTheme(event) {
  const choice = event.submitter?.value;
  if (!choice) return;
  event.preventDefault();
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  document.cookie = `ringback-theme=${choice};path=/;max-age=31536000;samesite=lax`;
  for (const button of event.target.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
}

/** Ask in a dialog of ours; calls `goOn` after a yes. */
export function ask(question, yes, goOn) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Please confirm");
  const body = document.createElement("div");
  body.className = "dialog-body";
  body.textContent = question;
  const actions = document.createElement("form");
  actions.method = "dialog";
  actions.className = "dialog-actions";
  actions.append(answer("Cancel", "no", "button"), answer(yes, "yes", "button danger"));
  dialog.append(body, actions);
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "yes") goOn();
  });
  dialog.showModal();
}

/** Forms with data-confirm="question" are sent after a yes. */
function askFirst(event) {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(form.dataset.confirm, form.dataset.yes ?? "Yes", () => {
    form.dataset.confirmed = "yes";
    form.requestSubmit();
  });
}

/** The same for htmx requests with hx-confirm="question". */
function askBeforeRequest(event) {
  if (!event.detail.question) return;
  event.preventDefault();
  const yes = event.detail.elt.dataset.yes ?? "Yes";
  ask(event.detail.question, yes, () => event.detail.issueRequest(true));
}

function answer(text, value, className) {
  const button = document.createElement("button");
  button.textContent = text;
  button.value = value;
  button.className = className;
  return button;
}

function sayError(event) {
  const { xhr, requestConfig } = event.detail;
  if (event.defaultPrevented || xhr.getResponseHeader("HX-Redirect")) return;
  let problem = {};
  try {
    problem = JSON.parse(xhr.responseText);
  } catch {
    /* not our JSON: a proxy in between answered; the general sentence stands */
  }
  if (sayAtField(requestConfig.elt.closest("form"), problem)) return;
  toast(problem.detail ?? "The server did not answer as expected.", "error");
}

document.addEventListener("submit", (event) => event.target.matches("[data-theme-form]") && chooseTheme(event));
async function copyText(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
  toast("Copied");
}

document.addEventListener("click", copyText);
document.addEventListener("submit", askFirst, true);
document.addEventListener("htmx:confirm", askBeforeRequest);
document.addEventListener("htmx:responseError", sayError);
document.addEventListener("htmx:sendError", () => toast("The server cannot be reached.", "error"));
