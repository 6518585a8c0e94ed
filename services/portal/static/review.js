// Keys of the review queue: j and k move between submissions, Enter opens (as `summary` does itself).

const items = [...document.querySelectorAll(".queue .item > summary")];

function move(step) {
  const at = items.findIndex((item) => item.parentElement.contains(document.activeElement));
  const next = items[Math.min(items.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea, select");
  if (isTyping || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
});
