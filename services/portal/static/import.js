// The import: a file that is dropped on its field is chosen. Without JavaScript it is chosen there.

const field = document.querySelector("[data-drop]");

function over(event) {
  event.preventDefault();
  field.classList.toggle("over", event.type === "dragover");
}

if (field) {
  const input = field.querySelector("input");
  field.addEventListener("dragover", over);
  field.addEventListener("dragleave", over);
  field.addEventListener("drop", (event) => {
    over(event);
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}
