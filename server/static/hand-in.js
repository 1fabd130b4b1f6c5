/* Hands the chosen file in as it is, with the form's other fields and the file's name in the address; the page that the
   server names then says what would become of each line. */

const form = document.querySelector("form[data-hand-in]");
const complaint = form.querySelector(".list-error");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const { file, ...fields } = Object.fromEntries(new FormData(form));
  complaint.hidden = true;
  button.disabled = true;
  try {
    const query = new URLSearchParams({ ...fields, name: file.name });
    location.assign(await handIn(`${form.dataset.handIn}?${query}`, file));
  } catch (error) {
    complaint.textContent = error.message;
    complaint.hidden = false;
    button.disabled = false;
  }
});

/** Resolves to the address of the page about the file; rejects with the server's sentence. */
async function handIn(path, file) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "text/csv" }, body: file }).catch(() => {
    throw new Error("The server cannot be reached, or the file has changed since you chose it: choose it again.");
  });
  if (answer.status === 413) throw new Error("The file is too large: send it in parts.");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? "The server did not answer as expected.");
  return said.path;
}
