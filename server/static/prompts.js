/* Prompts: a chosen file is handed in as it is, and a button plays what telephones will play. */

import { icon } from "./app.js";

const player = new Audio();
let playing = null;

player.addEventListener("ended", stop);
player.addEventListener("error", stop);

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-play]");
  if (!button) return;
  const was = playing;
  stop();
  if (button === was) return;
  playing = button;
  show(button, "pause", "Stop");
  player.src = button.dataset.play;
  player.play().catch(stop);
});

document.addEventListener("change", async (event) => {
  const input = event.target.closest?.("[data-prompt]");
  if (!input?.files.length) return;
  const label = input.closest("label");
  label.setAttribute("aria-busy", "true");
  await handIn(input.dataset.prompt, input.files[0], input.closest(".prompt").querySelector(".prompt-error"));
  label.removeAttribute("aria-busy");
  input.value = "";
});

document.getElementById("new-notice").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  await handIn(`notice-${form.elements.queue.value.trim()}`, form.elements.file.files[0], form.querySelector(".prompt-error"));
  button.disabled = false;
});

/** Sends the file; then the page shows how things stand, or `complaint` says why not. */
async function handIn(name, file, complaint) {
  complaint.hidden = true;
  try {
    await send(`/admin/prompts/${encodeURIComponent(name)}?${new URLSearchParams({ file: file.name })}`, file);
    location.hash = name;
    location.reload();
  } catch (error) {
    complaint.textContent = error.message;
    complaint.hidden = false;
  }
}

async function send(path, file) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream", Accept: "application/json" },
    body: file,
  }).catch(() => {
    throw new Error("The server cannot be reached, or the file has changed since you chose it: choose it again.");
  });
  if (answer.status === 413) throw new Error("This file is too large: two minutes of any sound need less.");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? "The server did not answer as expected.");
}

function stop() {
  player.pause();
  if (playing) show(playing, "play", "Play");
  playing = null;
}

function show(button, name, word) {
  button.replaceChildren(icon(name));
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\S+/, word));
}
