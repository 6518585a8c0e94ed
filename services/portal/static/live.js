// Live numbers: the server sends the cells that change, rendered as the page has them.
// Without JavaScript the page shows what it was read with.

const table = document.querySelector("[data-live-url]");
const sign = document.querySelector("[data-live]");
let heardAt = Date.now();

function show(isLive) {
  sign.textContent = isLive ? sign.dataset.on : sign.dataset.off;
  sign.classList.toggle("on", isLive);
}

function replace(cell, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const now = cell.querySelector("[data-now]");
  if (now.textContent.trim() === fresh.textContent.trim()) return false;
  now.replaceChildren(...fresh.childNodes);
  return true;
}

function pulse(cell) {
  cell.classList.remove("changed");
  void cell.offsetWidth; // begins the animation anew
  cell.classList.add("changed");
}

// The age of the numbers: seconds since the service last said that they are these.
function age() {
  const seconds = Math.round((Date.now() - heardAt) / 1000);
  const shown = document.querySelector("[data-age]");
  shown.textContent = shown.dataset.age.replace("#", seconds);
  const { amber, red } = shown.dataset;
  shown.dataset.level = seconds > red ? "red" : seconds > amber ? "amber" : "good";
  if (seconds > amber) show(false);
}

function take(message) {
  heardAt = Date.now();
  age();
  for (const [name, html] of Object.entries(message.cells)) {
    const cell = table.querySelector(`[data-cell="${CSS.escape(name)}"]`);
    if (cell && replace(cell, html)) pulse(cell);
  }
  document.querySelector("[data-view]").textContent = message.view;
  document.querySelector("[data-digest]").textContent = message.digest;
  if (!message.reading) document.querySelector("[data-reading]")?.remove();
  show(true);
}

if (table && sign && !new URLSearchParams(location.search).get("as_of")) {
  const source = new EventSource(table.dataset.liveUrl);
  source.addEventListener("cells", (event) => take(JSON.parse(event.data)));
  source.addEventListener("refused", () => {
    source.close();
    show(false);
  });
  source.addEventListener("error", () => show(false));
  // Every 10 seconds comes a sign of life: its absence for a minute means that numbers are old.
  setInterval(age, 1000);
  addEventListener("pagehide", () => source.close());
}
