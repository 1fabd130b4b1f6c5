/* What the server refuses of a form, said at the field it is about: marked, focused, and read out. A problem that names
   no field of the form stays with whoever asked. Likewise what a field with data-mismatch="words" is not to hold. */

import { icon } from "./icons.js";

const TYPED = "input:not([type=hidden]), textarea, select";

/** Whether `problem` ({detail, field}) found its field in `form`. */
export function sayAtField(form, problem) {
  const control = form && problem.field && controlOf(form, problem.field);
  if (!control) return false;
  clear(control);
  const line = document.createElement("span");
  line.className = "error";
  line.id = `${control.id || control.name}-refused`;
  line.setAttribute("role", "alert");
  line.append(icon("circle-alert"), problem.detail);
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-errormessage", line.id);
  const field = control.closest(".field");
  if (field) field.append(line);
  else control.after(line);
  control.focus();
  control.addEventListener("input", () => clear(control), { once: true });
  return true;
}

/** The control of that name; a form with a single one has nothing else that could be meant. */
function controlOf(form, name) {
  const typed = [...form.querySelectorAll(TYPED)];
  const named = typed.find((one) => [name, `field-${name}`].includes(one.name) || one.dataset.field === name);
  return named ?? (typed.length === 1 ? typed[0] : null);
}

function clear(control) {
  const line = document.getElementById(control.getAttribute("aria-errormessage"));
  line?.remove();
  control.removeAttribute("aria-invalid");
  control.removeAttribute("aria-errormessage");
}

/** The browser's own words for it say nothing of what is asked for. */
function sayMismatch(event) {
  const control = event.target;
  if (!control.dataset.mismatch || !control.validity.patternMismatch) return;
  event.preventDefault();
  sayAtField(control.form, { detail: control.dataset.mismatch, field: control.name });
}

document.addEventListener("invalid", sayMismatch, true);
