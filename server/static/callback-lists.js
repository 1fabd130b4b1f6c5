/* Hands the chosen file in as it is; the page that the server names then says what would become of each line. */

const form = document.getElementById("list-form");
const complaint = form.querySelector(".list-error");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const [file] = form.elements.file.files;
  const query = new URLSearchParams({ department: form.elements.department.value, name: file.name });
  complaint.hidden = true;
  button.disabled = true;
  try {
    location.assign(await handIn(`/callbacks/lists?${query}`, file));
  } catch (error) {
    complaint.textContent = error.message;
    complaint.hidden = false;
    button.disabled = false;
  }
});

/** Resolves to the address of the list's page; rejects with the server's sentence. */
async function handIn(path, file) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "text/csv" }, body: file }).catch(() => {
    throw new Error("The server cannot be reached, or the file has changed since you chose it: choose it again.");
  });
  if (answer.status === 413) throw new Error("The file is too large: send it in parts.");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? "The server did not answer as expected.");
  return said.path;
}
