/* A part of a page ([data-keep-forms]) that the server draws anew after each of its forms: what people have written in
   the others and not sent yet is put back, open forms stay open, and the focus stays where it was. What somebody else
   changed meanwhile is said beside the field; a form that was refused for it (409 "stale") keeps its text, and the next
   "Save" is on top of theirs. */

import { toast } from "./app.js";

const PART = "[data-keep-forms]";
const TYPED = "input:not([type=hidden]), textarea, select";

let kept = null;
let refused = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, shouldSwap, requestConfig } = event.detail;
  if (!shouldSwap || !target.closest(PART)) return;
  kept = gather(target, formOf(requestConfig.elt));
});

document.addEventListener("htmx:afterSettle", () => {
  if (!kept) return;
  const [part, before] = [document.querySelector(PART), kept];
  kept = null;
  for (const form of before.forms) restore(part, form);
  for (const key of before.open) foldedOf(part, key)?.setAttribute("open", "");
  const stale = refused && formAt(part, refused);
  refused = null;
  if (stale) sayStale(stale);
  else if (document.activeElement === document.body) focusAgain(part, before.focus);
});

// Before app.js hears of it, which says every other error in the corner.
document.addEventListener(
  "htmx:responseError",
  (event) => {
    const { xhr, target, requestConfig } = event.detail;
    const [form, part] = [formOf(requestConfig.elt), target.closest(PART)];
    if (!part || !form || xhr.status !== 409 || codeOf(xhr) !== "stale") return;
    event.preventDefault();
    refused = addressOf(form);
    window.htmx.ajax("GET", location.pathname + location.search, { target: part, swap: "innerHTML" });
  },
  true,
);

function codeOf(xhr) {
  try {
    return JSON.parse(xhr.responseText).code;
  } catch {
    return null; // not our JSON: a proxy in between answered
  }
}

function gather(scope, sent) {
  const others = [...scope.querySelectorAll("form")].filter((form) => form !== sent && isTouched(form));
  const open = [...scope.querySelectorAll("details[open]")].filter((one) => !sent || !one.contains(sent));
  return { forms: others.map(snapshot), open: open.map(keyOf), focus: placeOf(scope, document.activeElement) };
}

function isTouched(form) {
  return addressOf(form) === refused || typedOf(form).some((control) => wordsOf(control) !== storedOf(control));
}

function snapshot(form) {
  const fields = typedOf(form).map((control) => ({
    name: nameOf(control),
    value: wordsOf(control),
    stored: storedOf(control),
    shown: shownAs(control, storedOf(control)),
  }));
  return { address: addressOf(form), fields, open: !form.closest("details:not([open])") };
}

function restore(part, before) {
  const form = formAt(part, before.address);
  if (!form) {
    toast("What you had written in a form that is no longer here is lost.", "error");
    return;
  }
  if (before.open) form.closest("details")?.setAttribute("open", "");
  for (const field of before.fields) {
    const control = typedOf(form).find((one) => nameOf(one) === field.name);
    if (control) restoreField(control, field, before.address === refused);
  }
}

function restoreField(control, field, isRefused) {
  const theirs = storedOf(control);
  const mine = field.value !== field.stored;
  if (mine) put(control, field.value);
  if (theirs === field.stored || (mine && theirs === field.value)) return;
  if (mine) sayTheirs(control, `Changed meanwhile to “${shownAs(control, theirs)}”.`, theirs);
  else if (isRefused) sayTheirs(control, `Changed meanwhile; it was “${field.shown}”.`, null);
}

/** What the other one wrote; one click takes it. */
function sayTheirs(control, words, theirs) {
  const line = document.createElement("span");
  line.className = "hint theirs";
  line.append(words);
  if (theirs !== null) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "button small quiet", textContent: "Take theirs" });
    button.addEventListener("click", () => {
      put(control, theirs);
      line.remove();
      control.focus();
    });
    line.append(" ", button);
  }
  (control.closest(".field") ?? control.parentElement).append(line);
}

function sayStale(form) {
  const line = document.createElement("p");
  line.className = "notice warn stale-form";
  line.setAttribute("role", "alert");
  line.append("Somebody else saved this meanwhile. What you wrote is still here, what they changed is said beside it. Save again to put yours on top.");
  form.prepend(line);
  (form.querySelector(".theirs")?.closest(".field")?.querySelector(TYPED) ?? typedOf(form)[0])?.focus();
}

/* --- where the focus was ---------------------------------------------------------------------------------------- */

function placeOf(scope, control) {
  if (!scope.contains(control)) return null;
  const form = control.closest("form");
  return {
    address: form && typedOf(form).length ? addressOf(form) : null,
    index: form ? [...form.elements].indexOf(control) : -1,
    summary: keyOf(control.closest("details")),
    heading: control.closest("[aria-labelledby]")?.getAttribute("aria-labelledby"),
  };
}

function focusAgain(part, place) {
  if (!place) return;
  const same = place.address && formAt(part, place.address)?.elements[place.index];
  const summary = foldedOf(part, place.summary)?.querySelector("summary");
  const heading = document.getElementById(place.heading) ?? part.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  for (const one of [same, summary, heading]) {
    one?.focus({ preventScroll: true });
    if (one && document.activeElement === one) return;
  }
}

/* --- forms and their fields ------------------------------------------------------------------------------------- */

function formOf(element) {
  return element?.closest?.("form") ?? null;
}

function addressOf(form) {
  return form.getAttribute("action");
}

function formAt(part, address) {
  return [...part.querySelectorAll("form")].find((form) => addressOf(form) === address) ?? null;
}

function keyOf(folded) {
  if (!folded) return null;
  const form = folded.querySelector("form");
  return `${form ? addressOf(form) : ""} ${folded.className}`;
}

function foldedOf(part, key) {
  return [...part.querySelectorAll("details")].find((one) => keyOf(one) === key) ?? null;
}

function typedOf(form) {
  return [...form.querySelectorAll(TYPED)];
}

function isTick(control) {
  return control.type === "checkbox" || control.type === "radio";
}

function nameOf(control) {
  return control.type === "radio" ? `${control.name} ${control.value}` : control.name;
}

function wordsOf(control) {
  return isTick(control) ? String(control.checked) : control.value;
}

function storedOf(control) {
  if (isTick(control)) return String(control.defaultChecked);
  if (control.localName !== "select") return control.defaultValue;
  return ([...control.options].find((one) => one.defaultSelected) ?? control.options[0])?.value ?? "";
}

function put(control, value) {
  if (isTick(control)) control.checked = value === "true";
  else control.value = value;
}

function shownAs(control, value) {
  if (isTick(control)) return value === "true" ? "yes" : "no";
  const option = control.localName === "select" && [...control.options].find((one) => one.value === value);
  return (option ? option.textContent : value) || "nothing";
}
