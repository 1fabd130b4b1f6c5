/* Sending what an agent does. An answer that is not a yes becomes an Error with the server's own sentence. */

/** POST JSON; resolves to the answer's JSON or null. Rejects with Error(sentence), `.status` 0 without a network. */
export async function post(path, body, headers = {}) {
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    keepalive: true,
  });
}

/** What the server knows; resolves and rejects like `post`. */
export async function get(path) {
  return ask(path, { headers: { Accept: "application/json" } });
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw Object.assign(new Error("The server cannot be reached."), { status: 0 });
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw Object.assign(new Error(said.detail ?? "The server did not answer as expected."), { status: answer.status });
}

/** The address of something that can be done about a call. */
export function callPath(callId, what) {
  return `/desk/calls/${encodeURIComponent(callId)}/${what}`;
}
