// The editor: a draft is kept as it is written, and a chosen file becomes its SHA-256.
// Without JavaScript the buttons keep and send, and the hash is typed.

const form = document.querySelector("[data-editor]");
const said = form.querySelector("[data-said]");
const QUIET_MS = 3000;
let waiting = 0;
let saving = Promise.resolve();
let saves = 0; // how many are not done yet

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

// One after the other: each needs the version that the one before it has made.
function save() {
  saves += 1;
  const fail = () => { said.textContent = form.dataset.unkept; };
  saving = saving.then(keep).catch(fail).finally(() => { saves -= 1; });
}

// What is sent while a draft is being kept waits for it, or it would be of an older version.
async function send(event) {
  clearTimeout(waiting);
  if (!saves) return;
  event.preventDefault();
  await saving;
  form.requestSubmit(event.submitter);
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
  const [file] = chosen.files;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  if (chosen.files[0] !== file) return; // another one has been chosen meanwhile
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  proof.querySelector(".hash").value = hex;
  const title = proof.querySelector('[name="evidence_title"]');
  if (!title.value) title.value = file.name;
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
    waiting = setTimeout(save, QUIET_MS);
  });
  form.addEventListener("submit", send);
}
