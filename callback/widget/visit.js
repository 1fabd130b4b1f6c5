// What is known of this visit, kept in the tab's session storage: the request that was made, a random name of the page
// session, and the utm_* tags the visit began with (a shop's own links lose them). Storage may be forbidden: then nothing is kept.

const KEY = "ringback:";

export function remember(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(KEY + name);
    else sessionStorage.setItem(KEY + name, JSON.stringify(value));
  } catch {
    return; // a page in a sandbox
  }
}

export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(KEY + name));
  } catch {
    return null;
  }
}

/** The random name of this page session; "" on pages without HTTPS. */
export function visitor() {
  const name = recall("visitor") ?? crypto.randomUUID?.() ?? "";
  remember("visitor", name);
  return name;
}

/** Where the visitor stands and came from. */
export function origin() {
  const tags = [...new URLSearchParams(location.search)].filter(([name]) => name.startsWith("utm_")).slice(0, 10);
  if (tags.length) remember("utm", Object.fromEntries(tags.map(([name, value]) => [name, value.slice(0, 200)])));
  return { page: location.href.slice(0, 2000), referrer: document.referrer.slice(0, 2000), utm: recall("utm") ?? {} };
}
