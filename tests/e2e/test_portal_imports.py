"""Whatever file is imported on the page, the portal says what is wrong with it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.portal.forms import TYPES
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
