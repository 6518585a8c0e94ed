// Choosing a unit: the page of the tree is shown as a dialog, and what is chosen goes on as its link
// says, or into the field that the opener names. Without JavaScript the opener leads to that page.

const openers = document.querySelectorAll("[data-choose]");
const dialog = document.createElement("dialog");
const shown = document.createElement("div");
const end = document.createElement("button");
let opener;

async function show(address) {
  const answer = await fetch(address).catch(() => null);
  const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
  const chooser = page && page.querySelector(".chooser");
  if (!chooser) {
    location.assign(address);
    return;
  }
  shown.replaceChildren(chooser);
  if (!dialog.open) dialog.showModal();
  shown.querySelector("[name=q]").focus();
}

function fill(field, unit) {
  const isList = field.localName === "textarea";
  const before = isList && field.value.trim() ? `${field.value.trimEnd()}\n` : "";
  field.value = `${before}${unit}`;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  dialog.close();
  field.focus();
}

dialog.className = "choosing";
end.className = "quiet";
end.addEventListener("click", () => dialog.close());
dialog.append(end, shown);
document.body.append(dialog);

for (const each of openers) {
  each.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    opener = each;
    dialog.setAttribute("aria-label", each.textContent);
    end.textContent = each.dataset.close;
    show(each.href);
  });
}
dialog.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const field = opener.dataset.choose && document.querySelector(`[name="${opener.dataset.choose}"]`);
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if ("more" in link.dataset) {
    event.preventDefault();
    show(link.href);
  } else if (field) {
    event.preventDefault();
    fill(field, link.dataset.unit);
  }
});
dialog.addEventListener("submit", (event) => {
  event.preventDefault();
  show(`/tree?${new URLSearchParams(new FormData(event.target))}`);
});
