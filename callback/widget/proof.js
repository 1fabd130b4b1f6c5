// The proof of work (ALTCHA, in vendor/): begun when the form opens, in a worker, so that nobody waits for it when sending.
// Where a page forbids the worker or has no HTTPS there is no proof: the request is still taken, and held.

import { FILES } from "./address.js";

/** Made once: most host policies allow no second one of the same name. */
let policy;

/** A promise of the payload, or of null. */
export async function prove(challenge) {
  if (!window.isSecureContext) return null;
  try {
    const { parameters, signature } = await challenge();
    const solution = await solve(await workerAddress(), { parameters, signature });
    return solution && btoa(JSON.stringify({ challenge: { parameters, signature }, solution }));
  } catch {
    return null;
  }
}

/** A worker of another origin may only come from a blob. */
async function workerAddress() {
  const source = await fetch(new URL("vendor/altcha/pbkdf2.js", FILES));
  const address = URL.createObjectURL(await source.blob());
  policy ??= window.trustedTypes?.createPolicy("ringback", { createScriptURL: (url) => url });
  return policy?.createScriptURL(address) ?? address;
}

function solve(address, challenge) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(address);
    const done = (how, value) => {
      worker.terminate();
      URL.revokeObjectURL(address);
      how(value);
    };
    worker.onerror = () => done(reject, new Error("the worker did not start"));
    worker.onmessage = ({ data }) => (data?.error ? done(reject, data.error) : done(resolve, data));
    worker.postMessage({ type: "work", challenge });
  });
}
