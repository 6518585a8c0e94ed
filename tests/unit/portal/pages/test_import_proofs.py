"""Files of evidence that a table names: the form has their digests, and not the files."""

from tests.unit.portal.import_forms import GOOD, HEADER, Form, facts, portal, table, written


def test_files_of_evidence_that_rows_name_are_known_by_their_digests() -> None:
    header, row = f"{HEADER},evidence_file", f"{GOOD},minh-chung/a.pdf|b.pdf"
    site = portal()
    form = Form(site)
    proofs = f"{'a' * 64}  a.pdf"
    answer = form.send("try", "receipt.csv", table(row, header=header), proofs=proofs)
    assert facts(answer)["refused"] == "1"
    assert "the file “b.pdf” was not chosen" in answer.text
    assert f"{proofs}</textarea>" in answer.text
    wrong = form.send("try", proofs="b.pdf")
    assert wrong.status_code == 400
    assert "Files of evidence, line 1: write a SHA-256" in wrong.text
    proofs = f"{proofs}\n{'b' * 64}  b.pdf"
    assert facts(form.send("try", proofs=proofs))["new"] == "1"
    form.send("commit", proofs=proofs)
    (sent,) = written(site)
    found = [(each.sha256[0], each.title) for each in sent.content.evidence]
    assert found == [("a", "a.pdf"), ("b", "b.pdf")]


def test_rows_are_tried_again_when_other_files_were_chosen() -> None:
    header, row = f"{HEADER},evidence_file", f"{GOOD},a.pdf"
    form = Form(portal())
    form.send("try", "receipt.csv", table(row, header=header), proofs=f"{'a' * 64}  a.pdf")
    answer = form.send("commit", proofs=f"{'b' * 64}  a.pdf")
    assert "nothing was written" in answer.text
