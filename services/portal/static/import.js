// The import: a file that is dropped on its field is chosen, and one that is too large is not sent.
// Without JavaScript a file is chosen in its field, and the portal says what is too large.

const field = document.querySelector("[data-drop]");

function over(event) {
  event.preventDefault();
  field.classList.toggle("over", event.type === "dragover");
}

function weigh(input) {
  const isLarge = [...input.files].some((file) => file.size > Number(field.dataset.bytes));
  input.setCustomValidity(isLarge ? field.dataset.large : "");
  input.reportValidity();
}

if (field) {
  const input = field.querySelector("input");
  field.addEventListener("dragover", over);
  field.addEventListener("dragleave", over);
  field.addEventListener("drop", (event) => {
    over(event);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    weigh(input);
  });
  input.addEventListener("change", () => weigh(input));
}

// Files of evidence become lines as sha256sum writes them; the files themselves are not sent.

const picker = document.querySelector("[data-proofs]");

async function digest(file) {
  const found = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(found)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function add(files) {
  const lines = picker.form.elements.proofs;
  // Until all are computed, the form cannot be sent.
  lines.setCustomValidity(picker.dataset.busy);
  for (const file of files) {
    // Of a file that cannot be read the page will say that it was not chosen.
    const found = await digest(file).catch(() => "");
    const known = new Map(lines.value.split("\n").map((line) => [line.slice(66), line]));
    if (found) known.set(file.name, `${found}  ${file.name}`);
    lines.value = [...known.values()].filter(Boolean).join("\n");
  }
  lines.setCustomValidity("");
}

if (picker && crypto.subtle) {
  picker.closest(".picker").hidden = false;
  let adding = Promise.resolve();
  picker.addEventListener("change", () => {
    const files = [...picker.files];
    adding = adding.then(() => add(files));
  });
}
