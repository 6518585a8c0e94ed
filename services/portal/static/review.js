// The review queue: keys, and ten seconds in which a decision can be taken back.
// Nothing is sent before they have passed; leaving the page sends what waits.

const UNDO_MS = 10000;
const queue = document.querySelector(".queue");
const items = [...document.querySelectorAll(".queue .item > summary")];
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

function at() {
  return items.findIndex((item) => item.closest(".row").contains(document.activeElement));
}

function move(step) {
  const next = items[Math.min(items.length - 1, Math.max(0, at() + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (isTyping || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
  if (event.key === "?") document.querySelector("[data-keys]")?.showModal();
  if (event.key === " " && event.target.matches(".item > summary")) {
    event.preventDefault();
    event.target.closest(".row").querySelector("input[type=checkbox]").click();
  }
});

function send(form, content, keepalive) {
  waiting.delete(form);
  return fetch(form.getAttribute("action"), { method: "POST", body: content, keepalive });
}

async function decided(form, content, note) {
  const answer = await send(form, content, false).catch(() => null);
  if (answer?.ok) {
    const row = form.closest(".row");
    note.textContent = new DOMParser()
      .parseFromString(await answer.text(), "text/html")
      .querySelector(".verdict")?.textContent;
    row.replaceChildren(note);
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
    form.querySelector("button").focus();
  });
});

addEventListener("pagehide", () => {
  for (const [form, content] of waiting) send(form, content, true);
});
