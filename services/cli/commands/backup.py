"""`kieng backup create|list|verify|restore`: copies of everything that cannot be recomputed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from services.cli.admin import database
from services.cli.backups import archive, dump
from services.cli.commands import db, restore_job
from services.cli.commands.up import CATALOGUE, DIRECTORY
from services.cli.errors import NO, Failure
from services.cli.local.stack_processes import Plan
from services.cli.session import Session, with_session
from services.cli.terminal.render import number_text
from services.cli.terminal.screen import Screen
from services.kernel.config import KernelSettings, load
from services.refusals import in_language

app = typer.Typer(
    no_args_is_help=True, help="Back up everything that cannot be recomputed, and restore it."
)

Backups = Annotated[
    Path, typer.Option("--to", envvar="KIENG_BACKUPS", help="Folder that holds the backups.")
]
Folder = Annotated[Path, typer.Argument(help="Folder of the backup.")]

BACKUPS_DEFAULT = Path("backups")


@app.command()
@with_session()
def create(
    session: Session,
    to: Backups = BACKUPS_DEFAULT,
    institution: Annotated[
        list[str],
        typer.Option(help="Copy only the submissions of these institutions, and no shared data."),
    ] = [],  # noqa: B006  typer copies it
    uri: db.Uri = "",
) -> None:
    """Copy submissions, partners, notifications, catalogues and targets, without downtime.

    Example: kieng backup create --to backups
    """
    stack, screen = session.stack, session.screen
    with database.connect(uri, stack) as mongo, screen.progress() as progress:
        known = database.institutions(mongo, [], stack)
        if unknown := set(institution) - set(known):
            raise Failure(f"no institution {', '.join(sorted(unknown))}; here are {known}", NO)
        folder, manifest = dump.save(
            mongo,
            to,
            institution or known,
            is_whole=not institution,
            now=datetime.now(UTC).replace(microsecond=0),
            progress=progress,
        )
    answer(screen, folder, manifest)


@app.command("list")
@with_session(data=False)
def list_backups(
    session: Session,
    to: Backups = BACKUPS_DEFAULT,
) -> None:
    """List the backups of a folder, newest first, including incomplete ones.

    Example: kieng backup list --to backups
    """
    screen = session.screen
    rows = []
    for folder in sorted((path for path in to.glob("kieng-*") if path.is_dir()), reverse=True):
        try:
            rows.append({**described(folder, archive.open_manifest(folder)), "problem": ""})
        except archive.ArchiveInvalid as invalid:
            rows.append({"name": folder.name, "folder": str(folder), "problem": str(invalid)})

    def show() -> RenderableType:
        table = screen.table("name", "institutions", ">documents", ">bytes", "problem")
        for row in rows:
            whose = ", ".join(row.get("institutions", ()))
            counts = (
                number_text(row[key], screen.lang) if key in row else ""
                for key in ("documents", "bytes")
            )
            table.add_row(row["name"], whose, *counts, row["problem"])
        return table

    screen.answer({"backups": rows}, show)


@app.command()
@with_session(data=False)
def verify(
    session: Session,
    folder: Folder,
) -> None:
    """Verify a backup folder: hash of every file, every document, and the recomputed digest.

    Example: kieng backup verify backups/kieng-20261124T020000Z
    """
    screen = session.screen
    try:
        manifest = archive.open_manifest(folder)
        problems = checked(screen, folder, manifest)
    except archive.ArchiveInvalid as invalid:
        raise Failure(str(invalid), NO) from invalid
    if not problems and (said := manifest.view):
        found = dump.counted(folder, manifest.parts)
        if found != said:
            problems.append(f"the submissions come to {found}, recorded is {said}")
    document = {**described(folder, manifest), "ok": not problems, "problems": problems}
    documents = number_text(manifest.documents, screen.lang)
    well = screen.text("backup.well", documents=documents, name=manifest.name)
    screen.answer(document, lambda: _told(screen, problems) or well)
    if problems:
        raise typer.Exit(NO)


@app.command()
@with_session()
def restore(
    session: Session,
    folder: Folder,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite databases and log that are not empty.")
    ] = False,
    broker: Annotated[
        str, typer.Option(help="embedded or kafka: the broker of the data folder's stack.")
    ] = "embedded",
    wait: Annotated[
        float,
        typer.Option(min=0, max=86_400, help="Seconds to wait for the services to be restarted."),
    ] = 0.0,
    uri: db.Uri = "",
) -> None:
    """Restore a backup into empty databases, republish the log, and compare the digest.

    Without a database in the settings it starts the stack of the data folder and stops it again.
    Otherwise: stop the services, run it, start the services, run it again (or give --wait). An
    interrupted restore is continued by the same command. Exit code 1 if the digest differs.

    Example: kieng backup restore backups/kieng-20261124T020000Z --data .kieng
    """
    screen = session.screen
    try:
        manifest = archive.open_manifest(folder)
        problems = checked(screen, folder, manifest)
    except archive.ArchiveInvalid as invalid:
        raise Failure(str(invalid), NO) from invalid
    if problems:
        raise Failure(_told(screen, problems), NO)
    job = restore_job.Job(screen, folder, manifest, force)
    given = "mongo_uri" in load(KernelSettings).model_fields_set
    if given or uri:
        done = job.elsewhere(uri, session.stack, wait)
    else:
        done = job.here(Plan(session.data, DIRECTORY, CATALOGUE, broker))
    screen.answer(done, lambda: screen.text(f"backup.{done['state']}", **shown(done)))
    if done["state"] == "differs":
        raise typer.Exit(NO)


def shown(done: dict[str, Any]) -> dict[str, Any]:
    """Return `name`, `digest` and `recorded`, which the last line of `restore` contains.

    The digest is `-` if it was not computed. ``done`` is the object that `restore_job.Job`
    returned.
    """
    return {"name": done["name"], "digest": done["digest"] or "-", "recorded": done["recorded"]}


def checked(screen: Screen, folder: Path, manifest: archive.Manifest) -> list[str]:
    """Check the files of a backup, showing progress, and return their problems, one line each.

    The list is empty if the backup is intact.
    """
    with screen.progress() as progress:
        task = progress.add_task(manifest.name, total=len(manifest.parts))
        return list(archive.check(folder, manifest, lambda part: progress.advance(task)))


def _told(screen: Screen, problems: Sequence[str]) -> str:
    return "\n".join(in_language(each, screen.lang) for each in problems)


def described(folder: Path, manifest: archive.Manifest) -> dict[str, Any]:
    """Return a backup as the JSON object that `--output json` prints.

    It has the fields of the manifest except `parts`, and `folder`, `documents` and `bytes`.
    """
    named = asdict(manifest)
    del named["parts"]
    counts = {"documents": manifest.documents, "bytes": manifest.bytes}
    return {**named, "folder": str(folder), **counts}


def answer(screen: Screen, folder: Path, manifest: archive.Manifest) -> None:
    """Print a new backup: documents and size of each collection, the folder and the digest.

    As JSON it is the object of `described`.
    """

    def show() -> RenderableType:
        table = screen.table("collection", ">documents", ">bytes")
        for part in manifest.parts:
            name = f"{part.database}.{part.collection}"
            counts = (number_text(number, screen.lang) for number in (part.documents, part.bytes))
            table.add_row(name, *counts)
        digest = manifest.view.get("digest", "")
        table.caption = screen.text("backup.made", folder=folder, digest=digest or "-")
        return table

    screen.answer(described(folder, manifest), show)
