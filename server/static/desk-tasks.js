/* What is to be done and what is on order: the agent's own tasks beside the calls, and on a card its customer's open
   tasks, deals and orders, the site's own fields, who is responsible, and the form for a new task. What is done here goes
   to the server and comes back to every tab. */

import { toast } from "./app.js";
import { clock, h, icon, moment, redraw, serverClock } from "./desk-dom.js";
import { callPath, post } from "./desk-post.js";

const root = document.getElementById("desk");
const byId = (id) => document.getElementById(id);
const WHOLE_DAY = "23:59";
const dayKey = new Intl.DateTimeFormat("en-CA", { timeZone: root?.dataset.zone });
const DAY_MS = 86400000;
const STATES = { open: "info", paid: "info", shipped: "accent" };

/** The agent's own tasks, the one due first first; nothing is shown when there are none. */
export function drawTasks(tasks) {
  const late = tasks.filter(isLate).length;
  byId("tasks-card").hidden = tasks.length === 0;
  const count = byId("tasks-count");
  count.textContent = String(tasks.length);
  count.classList.toggle("due", late > 0);
  redraw(byId("own-tasks"), [tasks, late, today()], () => tasks.map(ownTask));
}

function ownTask(task) {
  return h(
    "li",
    { class: "own-task" },
    tick(task),
    h("span", { class: "own-task-title" }, task.title),
    h("span", { class: "own-task-facts muted truncate" }, dueWords(task), " · ", h("a", { href: `/customers/${task.customer_id}`, target: "_blank", rel: "noopener" }, task.customer || "Unknown caller")),
  );
}

/** Empty until clicked: it says what a click does. */
function tick(task) {
  const button = h("button", { class: "tick", type: "button", "aria-label": `Done: ${task.title}`, title: "Done" }, icon("check"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.classList.add("is-done");
    if (await send(`/desk/tasks/${task.id}/done`, { done: true })) toast(`Done: ${task.title}`);
    else {
      button.disabled = false;
      button.classList.remove("is-done");
    }
  });
  return button;
}

function dueWords(task) {
  const whole = clock(task.due_at) === WHOLE_DAY;
  const text = dayWords(task.due_at) + (whole ? "" : ` ${clock(task.due_at)}`);
  return h("span", { class: isLate(task) ? "due late" : "due", title: `Due ${moment(task.due_at)}` }, isLate(task) && icon("alarm-clock"), text);
}

function dayWords(at) {
  const names = { [dayOf(-1)]: "yesterday", [dayOf(0)]: "today", [dayOf(1)]: "tomorrow" };
  const day = dayKey.format(at * 1000);
  if (names[day]) return names[day];
  return new Intl.DateTimeFormat("en-GB", { timeZone: root.dataset.zone, day: "numeric", month: "short" }).format(at * 1000);
}

function dayOf(offset) {
  return dayKey.format(serverClock.now() * 1000 + offset * DAY_MS);
}

function today() {
  return dayOf(0);
}

function isLate(task) {
  return task.due_at < serverClock.now();
}

/** Who looks after the customer; nobody is taken away from a colleague here. */
export function ownerLine(card) {
  if (card.customers.length !== 1) return null;
  const [customer] = card.customers;
  const isMine = String(customer.owner_id) === root.dataset.user;
  if (customer.provisional && !customer.owner) return null;
  const words = isMine ? "You are responsible" : customer.owner ? `${customer.owner} is responsible` : "Nobody in particular is responsible";
  const button = (text, mine) => h("button", { class: "button small quiet", type: "button", onclick: () => send(callPath(card.call_id, "owner"), { mine }) }, text);
  return h("p", { class: "who-owner" }, icon("user-check"), h("span", { class: customer.owner ? "" : "muted" }, words), isMine ? button("Give up", false) : !customer.owner && button("Take over", true));
}

/** The site's own fields that its settings want on the card. */
export function fieldLines(card) {
  if (card.customers.length !== 1 || !card.customers[0].fields.length) return null;
  const line = (field) => h("div", {}, h("dt", {}, field.label), h("dd", {}, field.link ? h("a", { href: field.link, target: "_blank", rel: "noopener noreferrer" }, shortened(field.words), icon("external-link")) : field.words));
  return h("dl", { class: "who-fields" }, card.customers[0].fields.map(line));
}

function shortened(address) {
  return address.replace(/^https?:\/\//i, "").replace(/\/$/, "");
}

/** What the caller may be calling about. One click says that this call is about it. */
export function dealsPart(card, customer) {
  if (!customer.deals.length) return null;
  const line = (deal) => {
    const isAbout = deal.call_ids.includes(card.call_id);
    const about = h(
      "button",
      { class: "button small quiet", type: "button", "aria-pressed": String(isAbout), onclick: () => send(callPath(card.call_id, "deals"), { deal_id: deal.id, on: !isAbout }) },
      icon(isAbout ? "check" : "link"),
      isAbout ? "About this" : "Is it about this?",
    );
    return h(
      "li",
      { class: isAbout ? "card-deal is-about" : "card-deal" },
      icon(deal.kind === "order" ? "package" : "briefcase"),
      h("span", { class: "card-deal-title" }, deal.link ? h("a", { href: deal.link, target: "_blank", rel: "noopener noreferrer" }, deal.title) : deal.title),
      h("span", { class: "card-deal-facts" }, h("span", { class: `badge ${STATES[deal.state] ?? ""}` }, deal.state[0].toUpperCase() + deal.state.slice(1)), deal.money && h("span", { class: "num" }, deal.money), about),
    );
  };
  return h("section", { class: "more-part" }, h("h3", {}, "Deals and orders"), h("ul", { class: "card-deals" }, customer.deals.map(line)));
}

/** What is still to be done for the customer, whoever has it. */
export function tasksPart(customer) {
  if (!customer.tasks.length) return null;
  const line = (task) =>
    h("li", { class: "own-task" }, tick(task), h("span", { class: "own-task-title" }, task.title), h("span", { class: "own-task-facts muted truncate" }, dueWords(task), " · ", task.by ?? "nobody yet"));
  return h("section", { class: "more-part" }, h("h3", {}, "To be done"), h("ul", { class: "card-tasks" }, customer.tasks.map(line)));
}

/** The form for a new task out of a call. It lives as long as its card: what is typed into it is not drawn anew. */
export class TaskForm {
  constructor(card) {
    this.callId = card.call_id;
    const id = (name) => `task-${name}-${card.call_id}`;
    this.title = h("input", { class: "input", id: id("title"), maxlength: 200, autocomplete: "off", required: true, placeholder: "What is to be done?" });
    this.day = h("input", { class: "input", id: id("day"), type: "date", required: true, value: dayOf(1) });
    this.time = h("input", { class: "input", id: id("time"), type: "time" });
    const quick = (words, offset) => h("button", { class: "chip", type: "button", onclick: () => (this.day.value = dayOf(offset)) }, words);
    this.element = h(
      "details",
      { class: "card-task" },
      h("summary", {}, icon("square-check"), "New task"),
      h(
        "form",
        { onsubmit: (event) => this.submit(event) },
        h("div", { class: "field" }, h("label", { class: "visually-hidden", for: this.title.id }, "What is to be done"), this.title),
        h(
          "div",
          { class: "card-task-due" },
          quick("Today", 0),
          quick("Tomorrow", 1),
          quick("In a week", 7),
          h("label", { class: "visually-hidden", for: this.day.id }, "By"),
          this.day,
          h("label", { class: "visually-hidden", for: this.time.id }, "Time, if it matters"),
          this.time,
          h("button", { class: "button primary", type: "submit" }, "Add task"),
        ),
      ),
    );
  }

  async submit(event) {
    event.preventDefault();
    const body = { title: this.title.value.trim(), day: this.day.value, time: this.time.value };
    if (!(await send(callPath(this.callId, "tasks"), body))) return;
    toast(`On your desk: ${body.title}`);
    this.title.value = "";
    this.time.value = "";
    this.element.open = false;
  }
}

async function send(path, body) {
  try {
    await post(path, body);
    return true;
  } catch (error) {
    toast(error.message, "error");
    return false;
  }
}
