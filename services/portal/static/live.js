// Live numbers: the server sends the cells that change, rendered as the page has them.
// Without JavaScript the page shows what it was read with.

const AMBER_SECONDS = 60; // as the alert KiengViewStale

const table = document.querySelector("[data-live-url]");
const sign = document.querySelector("[data-live]");
let heardAt = Date.now();

function show(isLive) {
  sign.textContent = isLive ? sign.dataset.on : sign.dataset.off;
  sign.classList.toggle("on", isLive);
}

function replace(cell, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  if (cell.textContent.trim() === fresh.textContent.trim()) return false;
  cell.replaceChildren(...fresh.childNodes);
  return true;
}

function pulse(cell) {
  cell.classList.remove("changed");
  void cell.offsetWidth; // begins the animation anew
  cell.classList.add("changed");
}

function take(message) {
  heardAt = Date.now();
  for (const [name, html] of Object.entries(message.cells)) {
    const cell = table.querySelector(`[data-cell="${CSS.escape(name)}"]`);
    if (cell && replace(cell, html)) pulse(cell);
  }
  document.querySelector("[data-view]").textContent = message.view;
  document.querySelector("[data-digest]").textContent = message.digest;
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
  setInterval(() => {
    if (Date.now() - heardAt > AMBER_SECONDS * 1000) {
      show(false);
      document.querySelector(".status").classList.add("stale");
    }
  }, 10_000);
  addEventListener("pagehide", () => source.close());
}
