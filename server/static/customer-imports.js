/* Hands the chosen file in as it is; the page that the server names then asks what its columns hold. */

const form = document.getElementById("import-form");
const complaint = form.querySelector(".list-error");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const [file] = form.elements.file.files;
  complaint.hidden = true;
  button.disabled = true;
  try {
    location.assign(await handIn(`/customers/import?${new URLSearchParams({ name: file.name })}`, file));
  } catch (error) {
    complaint.textContent = error.message;
    complaint.hidden = false;
    button.disabled = false;
  }
});

/** Resolves to the address of the import's page; rejects with the server's sentence. */
async function handIn(path, file) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "text/csv" }, body: file }).catch(() => {
    throw new Error("The server cannot be reached, or the file has changed since you chose it: choose it again.");
  });
  if (answer.status === 413) throw new Error("The file is too large: import it in parts.");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? "The server did not answer as expected.");
  return said.path;
}
