/* Beside the calls: the agent's own state, the phones, queues, recent calls and what is wrong. Draws what the screen
   says; sends the one thing that can be changed here, the state. */

import { toast } from "./app.js";
import { clock, duration, h, icon, moment, redraw, since, when } from "./desk-dom.js";
import { post } from "./desk-post.js";

const OUTCOMES = {
  talked: { inbound: ["phone-incoming", "Talked"], other: ["phone-outgoing", "Talked"] },
  elsewhere: { inbound: ["users", "Answered by"], other: ["users", "Answered by"] },
  missed: { inbound: ["phone-missed", "Missed"], other: ["phone-missed", "Missed"] },
  unanswered: { inbound: ["phone-off", "No answer"], other: ["phone-off", "No answer"] },
};
const PHONE_STATES = {
  NOT_INUSE: ["good", "ready"],
  INUSE: ["live", "in a call"],
  RINGING: ["live", "ringing"],
  RINGINUSE: ["live", "ringing"],
  ONHOLD: ["live", "on hold"],
  BUSY: ["warn", "busy"],
  UNAVAILABLE: ["bad", "not connected to the PBX"],
  INVALID: ["bad", "unknown to the PBX"],
};

const root = document.getElementById("desk");
const byId = (id) => document.getElementById(id);

export function drawState(agent) {
  for (const button of byId("agent-state").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.state === agent.state));
  }
  const paused = agent.state === "paused" && agent.reason ? `Paused: ${agent.reason}` : "Pause";
  byId("agent-state").querySelector("[data-state=paused] [data-words]").textContent = paused;
  redraw(byId("state-since"), [agent.since], () => (agent.since ? [since(agent.since)] : []));
}

/** Wire the buttons up, once. */
export function listenState() {
  const menu = byId("pause-menu");
  menu.addEventListener("toggle", (event) => event.newState === "open" && place(menu));
  menu.addEventListener("click", (event) => {
    const { reason } = event.target.closest("[data-reason]")?.dataset ?? {};
    if (!reason) return;
    menu.hidePopover();
    setState("paused", reason);
  });
  byId("agent-state").addEventListener("click", (event) => {
    const { state } = event.target.closest("button")?.dataset ?? {};
    if (state && state !== "paused") setState(state, null);
  });
}

function place(menu) {
  const box = document.querySelector("[popovertarget=pause-menu]").getBoundingClientRect();
  menu.style.setProperty("--left", `${Math.round(box.left)}px`);
  menu.style.setProperty("--top", `${Math.round(box.bottom + 4)}px`);
  menu.querySelector("button")?.focus();
}

async function setState(state, reason) {
  try {
    await post("/desk/state", { state, reason });
  } catch (error) {
    toast(error.message, "error");
  }
}

export function drawPhones(devices) {
  for (const item of byId("phones").children) {
    const known = devices.find((one) => one.device === item.dataset.device && one.pbx === item.dataset.pbx);
    const [look, words] = PHONE_STATES[known?.state] ?? ["", item.dataset.device];
    item.querySelector(".dot").className = `dot ${look}`;
    item.querySelector("[data-words]").textContent = words;
  }
}

export function drawQueues(queues) {
  byId("queues-card").hidden = queues.length === 0;
  byId("untold").hidden = queues.length === 0 || root.dataset.tellsPbx === "yes";
  redraw(byId("queues"), queues, () =>
    queues.map((queue) =>
      h(
        "li",
        { class: "queue" },
        h("span", { class: "queue-name truncate" }, queue.name, queue.paused && h("span", { class: "badge warn", title: queue.pause_reason }, "Paused")),
        queue.oldest_since !== null && h("span", { class: "muted queue-oldest" }, "longest ", since(queue.oldest_since)),
        h("span", { class: queue.waiting ? "queue-count num busy" : "queue-count num" }, String(queue.waiting), h("span", { class: "queue-unit" }, " waiting")),
      ),
    ),
  );
}

export function drawRecent(calls) {
  byId("no-recent").hidden = calls.length > 0;
  redraw(byId("recent"), calls, () => calls.map(recentLine));
}

function recentLine(call) {
  const outgoing = call.direction === "outbound" || call.direction === "callback";
  const [symbol, words] = OUTCOMES[call.outcome][outgoing ? "other" : "inbound"];
  const name = call.name || call.number_text || "Withheld number";
  const said = { talked: `${words} ${duration(call.talk_s)}`, elsewhere: call.by ? `${call.by} answered` : "A colleague answered" }[call.outcome] ?? words;
  return h(
    "li",
    { class: `recent ${call.outcome}` },
    h("span", { class: "recent-mark", title: words }, icon(symbol), h("span", { class: "visually-hidden" }, words)),
    h("span", { class: "recent-name truncate" }, call.customer_id ? h("a", { href: `/customers/${call.customer_id}`, target: "_blank", rel: "noopener" }, name) : name),
    h("span", { class: "recent-said muted truncate" }, mayBeHeard(call) ? h("a", { href: `/calls/${encodeURIComponent(call.call_id)}/listen`, target: "_blank", rel: "noopener", title: "Hear the recording" }, said) : said),
    h("time", { class: "recent-when muted num", title: moment(call.at) }, when(call.at)),
  );
}

/** Own calls with people outside, where this site lets agents hear them. Whether there is a recording, its page says. */
function mayBeHeard(call) {
  return "hearsOwn" in root.dataset && call.outcome === "talked" && call.direction !== "internal";
}

/** What is wrong, worst first; `lineLost` is since when our server is away, or null. */
export function drawBanners({ lineLost, parted, links, devices }) {
  const all = [];
  if (parted) all.push(["bad", "plug", "The desk is open in too many tabs. This one has stopped: reload it to go on here."]);
  else if (lineLost) all.push(["bad", "wifi-off", `No connection to the server since ${clock(lineLost)}. Trying again; calls shown here may be out of date.`]);
  for (const link of links.filter((one) => !one.up)) {
    all.push(["bad", "unplug", `We cannot see the PBX${links.length > 1 ? ` ${link.pbx}` : ""} since ${clock(link.since)}. Calls ring as always, but are not shown here.`]);
  }
  const away = devices.filter((one) => one.state === "UNAVAILABLE").map((one) => one.device);
  if (away.length) all.push(["warn", "phone-off", `${away.join(", ")} is not connected to the PBX: calls cannot reach you there.`]);
  redraw(byId("banners"), all, () =>
    all.map(([look, symbol, words]) => h("div", { class: `notice ${look}` }, icon(symbol), h("span", {}, words))),
  );
}

/** The sound switch, and what the browser still wants before it rings and notifies. A click that wakes the sound is
    meant for something else on the page: nothing may move under it, so the hint has no room of its own. */
export function drawTools({ on, audible, mayNotify }) {
  const button = byId("sound-button");
  button.setAttribute("aria-pressed", String(on));
  button.classList.toggle("mute", on && !audible);
  button.title = on && !audible ? "Your browser keeps this tab silent until you click anywhere in it" : "";
  const words = on ? (audible ? "Sound on" : "Click to hear calls") : "Sound off";
  redraw(button, [words], () => [icon(on && audible ? "volume-2" : "volume-x"), h("span", {}, words)]);
  byId("notify-button").hidden = !mayNotify;
}

/** Wire the notification button up, once; `done` is called with the person's answer given. */
export function listenNotify(done) {
  byId("notify-button").addEventListener("click", () => Notification.requestPermission().then(done));
}
