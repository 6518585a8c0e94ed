// The drawer: a number, or a work behind it, beside the page on which its link was followed. What it
// shows is the main part of the page that the link leads to, so without JavaScript links lead there.
// htmx fetches and places it. The history is kept here: htmx would replace what is under the drawer.

const { htmx } = window;
const drawer = document.querySelector("#drawer");
const content = drawer.querySelector("[data-content]");
const loading = content.firstElementChild;
const title = document.title;
// The address that was loaded: the present one may be another already, when the history has moved
// since. Only a clock that a test installs knows of no navigation.
const [navigation] = performance.getEntriesByType("navigation");
const loaded = new URL(navigation?.name ?? location);
const own = loaded.pathname + loaded.search;
const shown = ["/cells", "/works"];
const isUnder = !shown.includes(loaded.pathname);
let depth = 0; // steps of the history since the page under the drawer
let opener;
let part;

// Which load of a page made an entry of the history: after a reload it is still there, but what was
// under the drawer is not.
const entry = () => ({ load: performance.timeOrigin, depth });

function show(address, isNew) {
  if (!drawer.open) drawer.showModal();
  part = new URL(address, location).hash;
  htmx.ajax("GET", address, { source: drawer, isNew });
}

function follow(address) {
  if (!drawer.open) history.replaceState(entry(), "");
  show(address, true);
}

function focus(place) {
  place.tabIndex = -1;
  place.focus();
}

const place = (hash) => (hash && content.querySelector(hash)) || content.querySelector("h1");

// A file is no page, and the link with an empty address leads from the drawer to the page itself.
function isStep(link) {
  const { origin, pathname, searchParams } = new URL(link.href);
  const isPage = origin === location.origin && shown.includes(pathname) && !searchParams.has("file");
  return isPage && link.getAttribute("href") !== "";
}

function click(event) {
  const link = event.target.closest("a[href]");
  const isOther = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || isOther || event.defaultPrevented || !isStep(link)) return;
  event.preventDefault();
  if (link.getAttribute("href").startsWith("#")) {
    focus(place(link.hash));
    return;
  }
  if (!drawer.open) opener = link;
  follow(link.href);
}

function submit(event) {
  const form = event.target;
  if (form.method !== "get") return;
  event.preventDefault();
  const address = new URL(form.getAttribute("action"), location);
  address.search = new URLSearchParams(new FormData(form, event.submitter));
  follow(address.href);
}

// What is no page of the portal, e.g. because the session has ended, is left to the browser.
function leave(event) {
  const { ctx } = event.detail;
  const raw = ctx.response?.raw;
  if (raw && !raw.redirected && raw.headers.get("content-type")?.startsWith("text/html")) return;
  event.preventDefault();
  location.assign(ctx.request.action);
}

function arrive(event) {
  const { isNew, request } = event.detail.ctx;
  if (isNew) {
    depth += 1;
    history.pushState(entry(), "", request.action);
  }
  drawer.setAttribute("aria-label", content.querySelector("h1").textContent.trim());
  focus(place(part));
}

function close() {
  htmx.trigger(drawer, "htmx:abort");
  content.replaceChildren(loading);
  drawer.setAttribute("aria-label", loading.textContent);
  document.title = title;
  if (depth) history.go(-depth);
  // A live number has another link once it has changed.
  const same = (link) => link.href === opener?.href;
  (opener?.isConnected ? opener : [...document.links].find(same))?.focus();
}

function restore() {
  const { load, depth: wanted } = history.state ?? {};
  if (load !== performance.timeOrigin) {
    if (load && location.pathname + location.search !== own) location.reload();
    return;
  }
  depth = wanted;
  if (depth) show(location.href, false);
  else drawer.close();
}

if (isUnder) {
  document.addEventListener("click", click);
  drawer.addEventListener("submit", submit);
  drawer.addEventListener("close", close);
  drawer.addEventListener("htmx:before:response", leave);
  drawer.addEventListener("htmx:error", leave);
  drawer.addEventListener("htmx:after:swap", arrive);
}
addEventListener("popstate", restore);
restore();
