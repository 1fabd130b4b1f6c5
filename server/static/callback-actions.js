/* What people do with a callback: the menu of a row, the questions that need an answer first, and sending it. The page
   is drawn anew by the server's word that something changed. */

import { toast } from "./app.js";
import { say } from "./callback-live.js";
import { callPath, post } from "./desk-post.js";

const DONE = {
  take: "It is yours",
  release: "Released: it is dialled when its turn comes",
  refuse: "Refused",
  postpone: "Postponed",
  close: "Closed",
  call: "Your phone rings: answering connects you",
  promise: "Promised: it is yours",
  dismiss: "Dismissed: it stands under Dismissed, with your reason",
  undo: "Owed again",
};
const ASKED = ["postpone", "close", "refuse", "promise", "dismiss"];

const menu = document.getElementById("callback-menu");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-menu]");
  if (opener) return openMenu(opener);
  const button = event.target.closest("[data-act]");
  if (button) return start(button);
  const caller = event.target.closest("[data-call]");
  if (caller) return dial(caller.dataset.call, caller);
  if (event.target.closest("[data-cancel]")) event.target.closest("dialog").close();
  return undefined;
});

function openMenu(opener) {
  const { id, name, acts } = opener.dataset;
  for (const item of menu.querySelectorAll("[data-act]")) {
    item.hidden = !acts.split(" ").includes(item.dataset.act);
    Object.assign(item.dataset, { id, name });
  }
  menu.showPopover({ source: opener });
  const box = opener.getBoundingClientRect();
  const top = Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8);
  menu.style.setProperty("--left", `${Math.max(8, Math.round(box.right - menu.offsetWidth))}px`);
  menu.style.setProperty("--top", `${Math.round(top)}px`);
  menu.querySelector("[data-act]:not([hidden])")?.focus();
}

/** Arrow keys move within the menu, as people expect of one. */
menu?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("[data-act]:not([hidden])")];
  const place = (items.indexOf(document.activeElement) + step + items.length) % items.length;
  items[place].focus();
});

function start(button) {
  const { act, id, name } = button.dataset;
  if (menu?.matches(":popover-open")) menu.hidePopover();
  if (!ASKED.includes(act)) return send(id, act, {}, button);
  const dialog = document.getElementById(`${act}-dialog`);
  dialog.dataset.id = id;
  dialog.querySelector("[data-who]").textContent = name;
  const form = dialog.querySelector("form");
  form.reset();
  drawAt(form);
  dialog.showModal();
  return undefined;
}

async function send(id, act, body, button) {
  if (button) button.disabled = true;
  try {
    await post(pathOf(id, act), act === "dismiss" ? { number: id, ...body } : body, onceMore(act));
    toast(DONE[act]);
    say();
  } catch (error) {
    toast(error.message, "error");
  } finally {
    if (button) button.disabled = false;
  }
}

/** `id` is a callback's; for a promise the call's, for a dismissal the number's, to take one back its own. */
function pathOf(id, act) {
  if (act === "promise") return callPath(id, act);
  if (act === "dismiss") return "/inbox/dismiss";
  return act === "undo" ? `/inbox/dismissals/${id}/undo` : `/callbacks/${id}/${act}`;
}

/** Click-to-call: this person's phone rings first. */
async function dial(number, button) {
  button.disabled = true;
  try {
    await post("/desk/call", { number }, onceMore("call"));
    toast(DONE.call);
    return true;
  } catch (error) {
    toast(error.message, "error");
    return false;
  } finally {
    button.disabled = false;
  }
}

/** A request that rings phones has a key: sent twice by a shaky network, it rings once. */
function onceMore(act) {
  return act === "call" ? { "Idempotency-Key": crypto.randomUUID() } : {};
}

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-dial]")) return;
  event.preventDefault();
  const form = event.target;
  if (await dial(form.elements.number.value, form.querySelector("button"))) form.reset();
});

document.addEventListener("submit", (event) => {
  const act = event.target.dataset.dialog;
  if (!act) return;
  const given = Object.fromEntries(new FormData(event.target));
  if ("minutes" in given) given.minutes = Number(given.minutes);
  send(event.target.closest("dialog").dataset.id, act, given);
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-dialog]");
  if (form) drawAt(form);
});

/** Day and time are asked for only when none of the usual waits was chosen. */
function drawAt(form) {
  const place = form.querySelector("[data-at]");
  if (!place) return;
  const isOwn = form.elements.minutes.value === "0";
  place.hidden = !isOwn;
  form.elements.at.required = isOwn;
}
