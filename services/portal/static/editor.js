// The editor: a draft is kept as it is written, and a chosen file becomes its SHA-256.
// Without JavaScript the buttons keep and send, and the hash is typed.

const form = document.querySelector("[data-editor]");
const said = form.querySelector("[data-said]");
const QUIET_MS = 3000;
let waiting = 0;

async function keep() {
  if (!form.checkValidity()) {
    said.textContent = form.dataset.unkept;
    return;
  }
  const content = new URLSearchParams(new FormData(form));
  content.set("action", "save");
  const headers = { accept: "application/json" };
  // Not form.action: the buttons of that name hide it.
  const address = form.getAttribute("action");
  const answer = await fetch(address, { method: "POST", body: content, headers }).catch(() => null);
  const kept = answer && answer.ok ? await answer.json() : null;
  if (!kept) {
    said.textContent = form.dataset.unkept;
    return;
  }
  form.setAttribute("action", kept.address);
  history.replaceState(null, "", kept.address);
  set("version", kept.version);
  set("request_id", kept.request_id);
  said.textContent = form.dataset.kept;
}

function set(name, value) {
  let input = form.querySelector(`input[name="${name}"]`);
  if (!input) {
    input = Object.assign(document.createElement("input"), { type: "hidden", name });
    form.append(input);
  }
  input.value = value;
}

async function hash(chosen) {
  const proof = chosen.closest(".proof");
  const digest = await crypto.subtle.digest("SHA-256", await chosen.files[0].arrayBuffer());
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  proof.querySelector(".hash").value = hex;
  const title = proof.querySelector('[name="evidence_title"]');
  if (!title.value) title.value = chosen.files[0].name;
}

if (crypto.subtle) {
  for (const picker of form.querySelectorAll(".picker")) picker.hidden = false;
}
form.addEventListener("change", (event) => {
  if (event.target.matches("[data-hash]") && event.target.files.length) hash(event.target);
});
if ("draft" in form.dataset) {
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(keep, QUIET_MS);
  });
  form.addEventListener("submit", () => clearTimeout(waiting));
}
