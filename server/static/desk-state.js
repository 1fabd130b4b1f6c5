/* What is on this screen, kept by the server's messages: a snapshot replaces it, changes are applied in order.
   The same rules as `patch` in server/live/snapshot.py. No document, no network. */

const PARTS = ["queues", "devices", "links", "agent", "recent", "tasks"];

export class Screen {
  constructor() {
    this.cards = new Map();
    for (const part of PARTS) this[part] = part === "agent" ? { state: "available", reason: null, since: null } : [];
    this.known = false;
  }

  /** Returns the cards that went with these changes, as [{call_id, reason, by, moved_to, card}]. */
  take(message) {
    if (message.t === "snapshot") return this.replace(message);
    return (message.changes ?? []).map((change) => this.apply(change)).filter(Boolean);
  }

  replace(snapshot) {
    const gone = [...this.cards.values()]
      .filter((card) => !snapshot.cards.some((one) => one.call_id === card.call_id))
      .map((card) => ({ call_id: card.call_id, reason: "ended", by: null, moved_to: null, card }));
    this.cards = new Map(snapshot.cards.map((card) => [card.call_id, card]));
    for (const part of PARTS) this[part] = snapshot[part];
    this.known = true;
    return gone;
  }

  apply(change) {
    if (change.c === "card") this.cards.set(change.card.call_id, change.card);
    if (change.c === "part") this[change.part] = change.value;
    if (change.c !== "gone") return null;
    const card = this.cards.get(change.call_id);
    this.cards.delete(change.call_id);
    return { ...change, card };
  }

  /** Ringing first, then what is going on, the oldest first in each; then what is to be written up, the last call first. */
  ordered() {
    const rank = { ringing: 0, talking: 1, held: 1, dialling: 1, wrap_up: 2 };
    const place = (card) => (card.state === "wrap_up" ? -card.since : card.started_at);
    return [...this.cards.values()].sort(
      (a, b) => rank[a.state] - rank[b.state] || place(a) - place(b) || (a.call_id < b.call_id ? -1 : 1),
    );
  }

  ringing() {
    return [...this.cards.values()].filter((card) => card.state === "ringing");
  }
}

/** Everybody whom other CRMs know for the caller's number, by CRM. */
export function contactsOf(card) {
  const found = new Map();
  for (const contact of card.contacts ?? []) found.set(contact.connector, [...(found.get(contact.connector) ?? []), contact]);
  return found;
}

/** Those about whom there is no doubt: of each CRM the only one, or the one who was picked. */
export function knownContacts(card) {
  return [...contactsOf(card).values()].flatMap((found) => (found.length > 1 ? found.filter((one) => one.is_picked) : found));
}

/** The one name that other CRMs have for the caller; null when they know none, or several. */
export function contactName(card) {
  const names = new Set(knownContacts(card).map((contact) => contact.name || contact.company).filter(Boolean));
  return names.size === 1 ? [...names][0] : null;
}

/** Whom a card is about, in as few words as fit a title. */
export function nameOf(card) {
  const [customer] = card.customers;
  if (card.direction === "internal") return card.colleague ?? card.number ?? "A colleague";
  if (card.customers.length > 1) return card.number_text || "Several customers";
  return customer?.name || customer?.company || contactName(card) || card.caller_name || card.callback?.name || card.number_text || "Withheld number";
}
