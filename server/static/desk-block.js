/* The block list on a card: why its caller is on it, and the form that puts them there. */

import { toast } from "./app.js";
import { h, icon } from "./desk-dom.js";
import { callPath, post } from "./desk-post.js";

const ENDS = [
  ["1", "for a day"],
  ["7", "for a week"],
  ["30", "for 30 days"],
  ["365", "for a year"],
  ["", "for good"],
];
const USUAL = "30";

/** What the list, or another CRM, says of this caller. */
export function blockedLine(card) {
  if (!card.blocked) return null;
  return h("p", { class: "who-blocked" }, h("span", { class: "badge warn" }, icon("phone-off"), card.blocked));
}

async function takeBack(card) {
  try {
    await post(callPath(card.call_id, "unblock"), {});
    toast("Welcome again");
  } catch (error) {
    toast(error.message, "error");
  }
}

/** The form, folded away: for somebody who calls, shows a number and is not on the list yet. */
export function blocking(card) {
  if (card.direction !== "inbound" || !card.number || card.blocked) return null;
  const reason = h("input", { class: "input", id: `block-${card.call_id}`, maxlength: 200, required: true, autocomplete: "off", placeholder: "Why? Colleagues read it while it rings" });
  const days = h("select", { class: "input", id: `block-days-${card.call_id}` }, ENDS.map(([value, words]) => h("option", { value, selected: value === USUAL }, words)));
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post(callPath(card.call_id, "block"), { reason: reason.value.trim(), days: days.value ? Number(days.value) : null });
      toast("On the block list", "done", { words: "Undo", act: () => takeBack(card) });
    } catch (error) {
      toast(error.message, "error");
    }
  };
  return h(
    "details",
    { class: "more-part blocking" },
    h("summary", {}, icon("phone-off"), "Block this caller"),
    h(
      "form",
      { onsubmit: submit },
      h("label", { class: "visually-hidden", for: reason.id }, "Why"),
      reason,
      h("label", { class: "visually-hidden", for: days.id }, "For how long"),
      days,
      h("button", { class: "button", type: "submit" }, "Block"),
    ),
  );
}
