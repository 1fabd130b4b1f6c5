/* Who the caller is: a known customer with their history, a new one to be named, several to choose from, a colleague,
   or a withheld number. Everything an agent does here goes to the server and comes back with the card. */

import { toast } from "./app.js";
import { contactLines } from "./desk-contacts.js";
import { h, icon, moment, when } from "./desk-dom.js";
import { callPath, get, post } from "./desk-post.js";
import { blocking, blockedLine } from "./desk-block.js";
import { contactName, nameOf } from "./desk-state.js";
import { dealsPart, fieldLines, ownerLine, tasksPart } from "./desk-tasks.js";

const VERDICTS = {
  answered: "Answered",
  missed: "Missed",
  abandoned: "Abandoned",
  voicemail: "Voicemail",
  busy: "Busy",
  failed: "Failed",
};
const SHOWN_CALLS = 5;

/** The two parts of a card that are about its customer: `who` (always) and `more` (history, choices). */
export function customerParts(card) {
  return {
    get who() {
      return [avatar(card), h("div", { class: "who-words" }, title(card), blockedLine(card), facts(card), fieldLines(card), ownerLine(card), contactLines(card), tags(card))];
    },
    get more() {
      if (card.customers.length > 1) return [choices(card), blocking(card)];
      const [customer] = card.customers;
      if (!customer) return card.match === "unknown" && !card.number ? [withheld()] : [];
      return [card.is_picked && card.number && correction(card, customer), (customer.provisional || card.by_block) && naming(card, customer), notes(customer), dealsPart(card, customer), tasksPart(customer), history(customer), blocking(card)];
    },
  };
}

function avatar(card) {
  const [customer] = card.customers;
  const several = card.customers.length > 1;
  const name = several ? "" : (customer?.name ?? (card.direction === "internal" ? card.colleague : null) ?? "");
  const letters = initials(name);
  const mark = several ? icon("users") : letters || icon(customer?.provisional ? "user-plus" : customer?.company ? "building-2" : "user");
  return h("span", { class: "who-mark", "aria-hidden": "true" }, mark);
}

function initials(name) {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  return [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => (word ? [...word][0] : "")).join("").toLocaleUpperCase();
}

/** The biggest words of the card. */
function headline(card) {
  const [customer] = card.customers;
  if (card.customers.length > 1) return `${card.customers.length} customers have this number`;
  if (customer && !customer.name && !customer.company) return contactName(card) || card.caller_name || nameless(customer);
  return nameOf(card);
}

/** Somebody who rang before and whom nobody has named is no new customer. */
function nameless(customer) {
  return customer.past.length ? "Unnamed customer" : "New customer";
}

function title(card) {
  const [customer] = card.customers;
  const words = headline(card);
  if (card.customers.length !== 1) return h("h2", { class: "who-name" }, words);
  const isNew = customer.provisional && !customer.past.length && words !== "New customer";
  return h("h2", { class: "who-name" }, link(customer, words), isNew && h("span", { class: "badge info" }, "New"));
}

function link(customer, text) {
  return h("a", { href: `/customers/${customer.id}`, target: "_blank", rel: "noopener" }, text);
}

function facts(card) {
  const [customer] = card.customers;
  const words = headline(card);
  const company = card.customers.length === 1 ? customer.company : null;
  const parts = [];
  if (card.by_block && card.customers.length === 1) parts.push(h("span", { class: "badge info" }, `A number of ${customer.company || customer.name || "this firm"}’s block`));
  if (company && company !== words) parts.push(h("span", {}, company));
  if (card.direction === "internal") parts.push(h("span", { class: "num" }, `Extension ${card.number ?? "unknown"}`));
  else if (!card.number && card.caller_name) parts.push(h("span", {}, "Withheld number"));
  else if (card.number && card.number_text !== words) parts.push(h("span", { class: "who-number num" }, card.number_text));
  if (card.caller_name && card.caller_name !== words) {
    parts.push(h("span", { class: "muted", title: "The name the network sent" }, `“${card.caller_name}”`));
  }
  return parts.length ? h("p", { class: "who-facts" }, ...parts) : null;
}

function tags(card) {
  if (card.customers.length !== 1) return null;
  const [customer] = card.customers;
  const list = h("ul", { class: "who-tags", "aria-label": "Tags" });
  for (const tag of customer.tags) {
    const remove = h("button", { class: "tag-remove", type: "button", "aria-label": `Remove tag ${tag}`, onclick: () => send(card, "tags", { tag, on: false }) }, icon("x"));
    list.append(h("li", { class: "chip" }, icon("tag"), tag, remove));
  }
  const field = h("input", { class: "tag-input", name: "tag", maxlength: 40, autocomplete: "off", "aria-label": "Add a tag", placeholder: "Add tag" });
  const form = h("form", { class: "tag-form", onsubmit: (event) => addTag(event, card, field) }, field);
  list.append(h("li", {}, form));
  return list;
}

function addTag(event, card, field) {
  event.preventDefault();
  const tag = field.value.trim();
  if (!tag) return;
  field.value = "";
  send(card, "tags", { tag, on: true });
}

function choices(card) {
  return h("section", { class: "more-part" }, h("h3", {}, "Who is it?"), choiceList(card, card.customers));
}

/** Whoever picked may have been wrong: the others who have the number are asked for when they are wanted. */
function correction(card, picked) {
  const place = h("div", { "aria-live": "polite" });
  const open = async () => place.replaceChildren(...(await others(card, picked)));
  return h("details", { class: "more-part other-choice", ontoggle: (event) => event.target.open && open() }, h("summary", {}, icon("users"), "Somebody else with this number?"), place);
}

async function others(card, picked) {
  try {
    const { customers } = await get(callPath(card.call_id, "candidates"));
    const rest = customers.filter((one) => one.id !== picked.id);
    return rest.length ? choiceList(card, rest) : [h("p", { class: "muted" }, "Nobody else has this number.")];
  } catch (error) {
    toast(error.message, "error");
    return [];
  }
}

function choiceList(card, customers) {
  const keep = h("input", { type: "checkbox", checked: true });
  const pick = (customer) =>
    h(
      "li",
      {},
      h(
        "button",
        { class: "choice", type: "button", onclick: () => send(card, "customer", { customer_id: customer.id, as_default: keep.checked }) },
        h("span", { class: "choice-name" }, customer.name || customer.company || "Unnamed customer"),
        h("span", { class: "muted" }, [customer.name ? customer.company : null, lastContact(customer)].filter(Boolean).join(" · ")),
        icon("chevron-right"),
      ),
    );
  return [h("ol", { class: "choices" }, customers.map(pick)), card.number && h("label", { class: "check" }, keep, " Suggest them first for this number from now on")];
}

function lastContact(customer) {
  const at = customer.past?.[0]?.at ?? customer.last_contact_at;
  return at ? `last contact ${when(at)}` : "no contact yet";
}

function naming(card, customer) {
  const name = h("input", { class: "input", name: "name", id: `name-${card.call_id}`, maxlength: 200, autocomplete: "off", value: (card.by_block ? null : customer.name) ?? "", placeholder: card.caller_name ?? "Name" });
  const company = h("input", { class: "input", name: "company", id: `company-${card.call_id}`, maxlength: 200, autocomplete: "off", value: customer.company ?? (card.by_block ? customer.name : null) ?? "", placeholder: "Company" });
  const submit = async (event) => {
    event.preventDefault();
    const body = { name: name.value.trim(), company: company.value.trim() };
    if (!body.name && (card.by_block || !body.company)) {
      name.focus();
      return;
    }
    if (await send(card, "name", body)) toast("Saved as a customer");
  };
  return h(
    "form",
    { class: "more-part naming", onsubmit: submit },
    h("h3", {}, question(card, customer)),
    h("label", { class: "visually-hidden", for: name.id }, "Name"),
    name,
    h("label", { class: "visually-hidden", for: company.id }, "Company"),
    company,
    h("button", { class: "button", type: "submit" }, icon("user-plus"), "Save"),
  );
}

function question(card, customer) {
  if (card.by_block) return "Somebody of theirs. Who is it?";
  return customer.past.length ? "Nobody has named them yet. Who is it?" : "First contact. Who is it?";
}

function withheld() {
  return h("p", { class: "more-part muted" }, "The caller hides their number: ask who it is, and for a number to call back.");
}

function notes(customer) {
  if (!customer.notes.length) return null;
  const line = (note) =>
    h(
      "li",
      { class: note.pinned ? "customer-note pinned" : "customer-note" },
      icon(note.pinned ? "star" : "sticky-note"),
      h("div", {}, h("p", {}, note.text), h("p", { class: "muted" }, [note.by, note.at ? when(note.at) : null].filter(Boolean).join(", "))),
    );
  return h("section", { class: "more-part" }, h("h3", {}, "Notes"), h("ul", { class: "customer-notes" }, customer.notes.map(line)));
}

function history(customer) {
  const calls = customer.past.slice(0, SHOWN_CALLS);
  if (!calls.length) return customer.provisional ? null : h("p", { class: "more-part muted" }, "No earlier calls.");
  return h("section", { class: "more-part" }, h("h3", {}, "Last calls"), h("ul", { class: "past" }, calls.map(pastCall)));
}

function pastCall(call) {
  const outgoing = call.direction !== "inbound";
  const said = [call.disposition, call.note].filter(Boolean).join(": ");
  return h(
    "li",
    {},
    h("span", { class: "past-when num", title: moment(call.at) }, icon(outgoing ? "phone-outgoing" : "phone-incoming"), when(call.at)),
    call.result ? h("span", { class: `badge ${call.result}` }, VERDICTS[call.result] ?? call.result) : h("span", { class: "badge live" }, "In progress"),
    h("span", { class: "past-agent muted" }, call.agent ?? ""),
    said ? h("span", { class: "past-note" }, said) : null,
  );
}

async function send(card, what, body) {
  try {
    await post(callPath(card.call_id, what), body);
    return true;
  } catch (error) {
    toast(error.message, "error");
    return false;
  }
}
