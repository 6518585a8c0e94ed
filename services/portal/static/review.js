// The review queue: keys, and ten seconds in which a decision can be taken back.
// Nothing is sent before they have passed; leaving the page sends what waits.

const UNDO_MS = 10000;
const queue = document.querySelector(".queue");
const rows = [...document.querySelectorAll(".queue .row")];
const heads = ".item > summary";
const NEEDS_REASON = ["return", "reject"];
const waiting = new Map();

// The time of the last visit is kept in the browser alone; within a visit it stays the same.
const LAST = "kieng-review-last";
const fresh = document.querySelector("[data-new]");
if (fresh) {
  const before = sessionStorage.getItem(LAST) ?? localStorage.getItem(LAST) ?? "";
  sessionStorage.setItem(LAST, before);
  localStorage.setItem(LAST, new Date().toISOString());
  const url = new URL(fresh.href);
  url.searchParams.set("since", before);
  fresh.href = url;
  fresh.hidden = !before;
}
for (const hint of document.querySelectorAll("[data-scripted]")) hint.hidden = false;

const at = () => rows.findIndex((row) => row.contains(document.activeElement));

// Rows that were decided about have no summary left, and are stepped over.
function move(step, from = at()) {
  let place = from + step;
  if (from < 0) place = 0;
  while (rows[place] && !rows[place].querySelector(heads)) place += step;
  const next = rows[place]?.querySelector(heads);
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return Boolean(next);
}

// Nobody decides about what is closed: the first press opens it.
function press(row, decision) {
  const item = row?.querySelector(".item");
  if (!item) return;
  const wasOpen = item.open;
  item.open = true;
  if (decision === "return") item.querySelector("[data-decide] [name=reason]").focus();
  else if (wasOpen) item.querySelector("[data-decide] [name=decision]").click();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  v: () => press(rows[at()], "first"),
  r: () => press(rows[at()], "return"),
  u: () => [...document.querySelectorAll("[data-taken-back]")].at(-1)?.click(),
  "?": () => document.querySelector("[data-keys]")?.showModal(),
};

addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Enter" && event.target.matches("[data-decide] [name=reason]")) {
    // A reason is one for a return; it must not verify.
    event.preventDefault();
    event.target.form.querySelector("[value=return]").focus();
  }
  if (isTyping || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("dialog")) return;
  KEYS[event.key]?.();
  if (Object.hasOwn(KEYS, event.key)) event.preventDefault();
  if (event.key === " " && event.target.matches(heads)) {
    event.preventDefault();
    event.target.closest(".row").querySelector("input[type=checkbox]").click();
  }
});

function hasReason(form, decision) {
  const { reason } = form.elements;
  const isMissing = NEEDS_REASON.includes(decision) && !reason.value.trim();
  reason.setCustomValidity(isMissing ? queue.dataset.why : "");
  return reason.reportValidity();
}

// One of the queue and that for many are asked for a reason before anything is sent. What is asked
// depends on the button, so the browser does not ask on its own.
for (const form of document.querySelectorAll("[data-decide], #many")) form.noValidate = true;
addEventListener("submit", (event) => {
  if (!event.target.matches("[data-decide], #many")) return;
  if (!hasReason(event.target, event.submitter?.value)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, { capture: true });
addEventListener("input", (event) => event.target.setCustomValidity?.(""));

function send(form, content, keepalive) {
  waiting.delete(form);
  return fetch(form.getAttribute("action"), { method: "POST", body: content, keepalive });
}

async function decided(form, content, note) {
  const answer = await send(form, content, false).catch(() => null);
  if (answer?.ok) {
    const row = form.closest(".row");
    const wasHere = row.contains(document.activeElement);
    note.textContent = new DOMParser()
      .parseFromString(await answer.text(), "text/html")
      .querySelector(".verdict")?.textContent;
    row.replaceChildren(note);
    const place = rows.indexOf(row);
    if (wasHere && !move(1, place) && !move(-1, place)) {
      note.tabIndex = -1;
      note.focus();
    }
    return;
  }
  const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  note.textContent = `${queue.dataset.refused} ${page?.querySelector("blockquote")?.textContent ?? ""}`;
  note.className = "notice red";
  form.hidden = false;
}

queue?.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-decide]");
  if (!form) return;
  event.preventDefault();
  const content = new URLSearchParams(new FormData(form, event.submitter));
  const note = Object.assign(document.createElement("p"), { className: "verdict counts" });
  note.setAttribute("role", "status");
  const undo = Object.assign(document.createElement("button"), { textContent: queue.dataset.undo, className: "quiet" });
  undo.dataset.takenBack = "";
  note.append(`${event.submitter.textContent}: ${queue.dataset.waits} `, undo);
  form.hidden = true;
  form.after(note);
  undo.focus();
  const timer = setTimeout(() => decided(form, content, note), UNDO_MS);
  waiting.set(form, content);
  undo.addEventListener("click", () => {
    clearTimeout(timer);
    waiting.delete(form);
    note.remove();
    form.hidden = false;
    form.querySelector("[name=decision]").focus();
  });
});

addEventListener("pagehide", () => {
  for (const [form, content] of waiting) send(form, content, true);
});
