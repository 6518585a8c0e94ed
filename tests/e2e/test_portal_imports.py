"""Whatever file is imported on the page, the portal says what is wrong with it."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, FilePayload, expect

from services.portal.forms import TYPES
from tests.e2e.browsing import visit
from tests.e2e.running import RunningStack
from tests.e2e.test_portal_pages import MARKUP, ODD, QUIET, is_sound, visitor

FILES = st.tuples(
    st.sampled_from(["receipt", MARKUP, "..", "a/b", ""]),
    st.sampled_from(["csv", "xlsx", "ris", "bib", "json", "CSV", "exe"]),
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(str.encode),
        st.lists(
            st.lists(st.sampled_from(["record_id", "unit_id", "vnu/hus", "1", MARKUP]), max_size=5),
            max_size=5,
        ).map(lambda rows: "\n".join(map(",".join, rows)).encode()),
    ),
)


def test_no_file_that_is_imported_fails(stack: RunningStack) -> None:
    author = visitor(stack, "contributor", "vnu/hus")
    csrf = author.csrf("/import")

    @settings(QUIET, max_examples=60)
    @given(file=FILES, type_=st.sampled_from(["", *TYPES, MARKUP]), unit=ODD)
    def sends(file: tuple[str, str, bytes], type_: str, unit: str) -> None:
        name, suffix, content = file
        form = {"csrf": csrf, "action": "try", "type": type_, "unit": unit}
        files = {"file": (f"{name}.{suffix}", content)}
        assert is_sound(author.client.post("/import", data=form, files=files))

    sends()


def test_files_that_a_table_names_are_hashed_in_the_browser(
    stack: RunningStack, running: Browser
) -> None:
    header = "record_id,unit_id,number,received_on,amount_vnd,evidence_file"
    row = "proofs-1,vnu/hus/physics,e2e-proofs-1,2012-03-01,1500000,minh-chung/quyết định.pdf"
    content = b"synthetic"
    with visit(running, stack, "contributor", "vnu") as page:
        page.goto("/import")
        page.locator("[name=file]").set_input_files(
            FilePayload(
                name="receipt.csv", mimeType="text/csv", buffer=f"{header}\n{row}\n".encode()
            )
        )
        page.locator("[data-proofs]").set_input_files(
            FilePayload(name="quyết định.pdf", mimeType="application/pdf", buffer=content)
        )
        line = f"{hashlib.sha256(content).hexdigest()}  quyết định.pdf"
        expect(page.locator("[name=proofs]")).to_have_value(line)
        page.get_by_role("button", name="Kiểm tra tệp").click()
        page.get_by_role("button", name="Nhập 1 dòng").click()
        expect(page.locator(".verdict")).to_have_text("Đã nhập receipt.csv")


HOLDS_THE_FIRST = """
const digest = crypto.subtle.digest.bind(crypto.subtle);
const first = new Promise((resolve) => { window.release = resolve; });
let count = 0;
crypto.subtle.digest = async (...given) => {
  count += 1;
  if (count === 1) await first;
  if (count === 2) throw new Error("cannot be read");
  return digest(...given);
};
"""


def test_files_that_are_chosen_meanwhile_or_cannot_be_read_spoil_no_others(
    stack: RunningStack, running: Browser
) -> None:
    def file(name: str) -> FilePayload:
        return FilePayload(name=name, mimeType="application/pdf", buffer=name.encode())

    with visit(running, stack, "contributor", "vnu") as page:
        page.add_init_script(HOLDS_THE_FIRST)
        page.goto("/import")
        chosen, lines = page.locator("[data-proofs]"), page.locator("[name=proofs]")
        chosen.set_input_files(file("a.pdf"))
        chosen.set_input_files([file("b.pdf"), file("c.pdf")])
        page.evaluate("window.release()")
        wanted = (
            f"{hashlib.sha256(each).hexdigest()}  {each.decode()}" for each in (b"a.pdf", b"c.pdf")
        )
        expect(lines).to_have_value("\n".join(wanted))
        assert lines.evaluate("(lines) => lines.checkValidity()")
