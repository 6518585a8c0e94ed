"""A closed period: what its page offers and says is enough to check it."""

from __future__ import annotations

import asyncio
import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kieng.kpi.v1 import edition_service_pb2 as editions
from services.cli.commands.edition import canonical
from services.cli.main import main
from services.kpi.signing import Signer, read_signer
from tests.unit.portal.answered import Answers, Portal

CONTENT = {"edition_id": "2025-h1", "title": "Nửa đầu năm", "view": {"digest": "d" * 64}}


@pytest.fixture(scope="module")
def signer() -> Signer:
    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return read_signer(private.decode())


def asked(signer: Signer, **query: str) -> httpx.Response:
    def get(request: editions.GetEditionRequest) -> Any:
        content = canonical(CONTENT)
        edition = editions.Edition(
            edition_id="2025-h1", title="Nửa đầu năm", unit_id="a", key_id=signer.key_id
        )
        return editions.GetEditionResponse(
            edition=edition,
            content=content,
            signature=signer.sign(content),
            public_key=signer.public_pem,
        )

    return asyncio.run(Portal(Answers(GetEdition=get)).get("/editions/2025-h1", **query))


def exit_code(command: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    return int(ended.value.code or 0)


def saved(answer: httpx.Response, folder: Path) -> Path:
    name = re.fullmatch('attachment; filename="(.+)"', answer.headers["content-disposition"])
    assert name is not None
    (folder / name[1]).write_bytes(answer.content)
    return folder / name[1]


def test_the_command_of_the_page_checks_the_files_of_the_page(
    signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = asked(signer)
    command = re.search("<code>kieng (.+)</code>", page.text)
    assert command is not None
    for kind in ("signed", "key"):
        assert f"?file={kind}" in page.text
        saved(asked(signer, file=kind), tmp_path)
    monkeypatch.chdir(tmp_path)
    told = html.unescape(command[1])
    assert exit_code(told) == 0
    signed = tmp_path / "2025-h1.json"
    document = json.loads(signed.read_text(encoding="utf-8"))
    document["content"]["title"] = "Khác"
    signed.write_text(json.dumps(document), encoding="utf-8")
    assert exit_code(told) == 1


def test_the_signed_content_alone_is_what_was_signed(signer: Signer) -> None:
    assert asked(signer, file="json").content == canonical(CONTENT)
