/* The pile of calls whose note is not finished: the newest few stand under the live call, the rest behind a button, and
   all can be closed at once. What is written in them is kept. */

import { ask, toast } from "./app.js";
import { h, icon, redraw } from "./desk-dom.js";
import { post } from "./desk-post.js";

const SHOWN = 3;
const place = document.getElementById("wrap-up-pile");
let pile = [];
let all = false;

/** `folded` are the cards of the pile as elements, the last call first. */
export function drawPile(folded) {
  pile = folded;
  const many = folded.length > SHOWN;
  all &&= many;
  folded.forEach((element, index) => {
    element.hidden = many && !all && index >= SHOWN;
  });
  place.hidden = !many;
  redraw(place, [folded.length, all], () => [
    h("span", { class: "muted" }, `${folded.length} calls wait for a note`),
    h("button", { class: "button small quiet", type: "button", "aria-expanded": String(all), onclick: turn }, icon(all ? "chevron-up" : "chevron-down"), all ? "Show fewer" : "Show all"),
    h("button", { class: "button small", type: "button", onclick: closeAll }, `Close all ${folded.length}`),
  ]);
}

function turn() {
  all = !all;
  drawPile(pile);
}

function closeAll() {
  const ids = pile.map((element) => element.card.call_id);
  ask(`Close ${ids.length} calls as they are? What is written in them is kept.`, "Close them", async () => {
    try {
      const { closed } = await post("/desk/wrap-ups/close", { call_ids: ids });
      toast(`${closed} closed`);
    } catch (error) {
      toast(error.message, "error");
    }
  });
}
