// Where this script came from: the public listener everything is asked of. Read while the script runs, later nobody knows.

const SCRIPT = document.currentScript ?? document.querySelector('script[src*="/ringback-callback.js"]');

export const SERVER = new URL("../", SCRIPT.src);

/** Files of this very version, kept by browsers for good; the server writes the version in place of the mark. */
export const FILES = new URL("@version/", SCRIPT.src);
