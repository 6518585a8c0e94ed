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
