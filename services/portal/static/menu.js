// The menu of rare pages works without this; here Escape and a click elsewhere close it.

const menu = document.querySelector("[data-menu]");

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

addEventListener("click", (event) => {
  if (menu && !menu.contains(event.target)) menu.open = false;
});
