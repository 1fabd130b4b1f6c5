/* Who has the caller's number in other CRMs, each with a link to their page there. Where one CRM knows several, the agent
   says which of them it is; the call is written on that one. */

import { toast } from "./app.js";
import { h, icon, serverClock, when } from "./desk-dom.js";
import { callPath, post } from "./desk-post.js";
import { contactsOf, knownContacts } from "./desk-state.js";

const OLD_S = 3600;

/** Whose card it is has to be clear before anybody is chosen. */
function canChoose(card) {
  return card.customers.length === 1 && !card.by_block;
}

/** One line with everybody who is not to be chosen. */
export function contactLines(card) {
  const listed = canChoose(card) ? knownContacts(card) : card.contacts;
  if (!listed.length) return null;
  return h(
    "ul",
    { class: "who-contacts", "aria-label": "In other CRMs" },
    listed.map((contact) => h("li", {}, h("span", { class: "muted" }, contact.connector), page(contact, words(contact)), aside(contact))),
  );
}

/** A choice per CRM that knows several. */
export function contactChoices(card) {
  if (!canChoose(card)) return [];
  return [...contactsOf(card)].filter(([, found]) => found.length > 1).map(([connector, found]) => choice(card, connector, found));
}

function choice(card, connector, found) {
  const options = h("ul", { class: "choices" }, found.map((contact) => option(card, contact)));
  if (found.some((contact) => contact.is_picked)) {
    return h("details", { class: "contact-choice" }, h("summary", {}, icon("users"), `Somebody else in ${connector}?`), options);
  }
  return h("section", { class: "more-part contact-choice" }, h("h3", {}, `${found.length} contacts in ${connector} have this number. Who is it?`), options);
}

function option(card, contact) {
  const button = h(
    "button",
    { class: "choice", type: "button", "aria-pressed": String(contact.is_picked), onclick: () => pick(card, contact) },
    h("span", { class: "choice-name" }, contact.name || contact.company || "Unnamed"),
    h("span", { class: "muted" }, [contact.name ? contact.company : null, responsible(contact)].filter(Boolean).join(" · ")),
    icon(contact.is_picked ? "check" : "chevron-right"),
  );
  return h("li", {}, button, page(contact, h("span", { class: "visually-hidden" }, `${words(contact)} in ${contact.connector}`)));
}

function page(contact, inside) {
  if (!contact.url) return typeof inside === "string" ? inside : null;
  return h("a", { href: contact.url, target: "_blank", rel: "noopener noreferrer" }, inside, icon("external-link"));
}

function words(contact) {
  return [contact.name, contact.company].filter(Boolean).join(" · ") || "Unnamed";
}

function responsible(contact) {
  return contact.owner ? `${contact.owner} is responsible there` : null;
}

function aside(contact) {
  const old = serverClock.now() - contact.seen_at > OLD_S ? `as of ${when(contact.seen_at)}` : null;
  const said = [responsible(contact), old].filter(Boolean).join(", ");
  return said ? h("span", { class: "muted" }, said) : null;
}

async function pick(card, contact) {
  if (contact.is_picked) return;
  try {
    await post(callPath(card.call_id, "contact"), { connector: contact.connector, contact_id: contact.id });
    toast(`Picked: ${words(contact)} in ${contact.connector}`);
  } catch (error) {
    toast(error.message, "error");
  }
}
