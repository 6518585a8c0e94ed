"""`kieng catalogue publish|rollback|views`: replaces the live catalogue and its view by others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from kieng.kpi.v1 import catalogue_service_pb2 as api
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.commands import proposal
from services.cli.errors import NO, USAGE, Failure
from services.cli.files import catalogue_yaml
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text, message_json

Indicators = Annotated[Path, typer.Argument(help="Indicators, YAML.")]
Directory = Annotated[
    int,
    typer.Option(
        min=0, max=1_000_000, help="Version of the unit tree to freeze with it; 0 is the newest."
    ),
]
TreeOption = Annotated[
    str, typer.Option("--tree", help="as-was, or as-is: units that ended below their successors.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the view is live.")]


@with_session("steward")
def publish(
    session: Session,
    file: Indicators,
    directory: Directory = 0,
    tree: TreeOption = "as-was",
    parked: Annotated[
        int,
        typer.Option(
            min=-1, max=1_000_000_000, help="Maximum number of parked records; -1: as many as now."
        ),
    ] = -1,
    wait: Wait = True,
) -> None:
    """Freeze indicators and units as a new version; its view takes over when it is verified.

    The institutions approve it first (`kieng proposal list`); the same command then follows it.
    The current view stays live until then, and is kept for `kieng catalogue rollback`. Exit code
    1 if the new view is refused.

    Example: kieng catalogue publish indicators.yaml
    """
    message = catalogue_yaml.read(file, session.screen.lang)
    request = api.PublishCatalogueRequest(
        indicators=message.indicators,
        taxonomies=message.taxonomies,
        directory_version=directory,
        tree=read_tree(tree),
        parked_max=parked if parked >= 0 else None,
    )
    answer = session.stub(CatalogueServiceStub).PublishCatalogue(request)
    if proposal.is_told(session.screen, answer):
        return
    if answer.state == api.View.STATE_BUILDING:
        session.screen.say("publish.begun", version=answer.version, view=answer.view_id)
    _answer(session, answer.view_id, wait)


def read_tree(name: str) -> api.Tree.ValueType:
    """Return the `Tree` of the contract that an option names: `as-was` or `as-is`.

    Raises:
        Failure: there is no tree of this name.
    """
    trees = {"as-was": api.TREE_AS_WAS, "as-is": api.TREE_AS_IS}
    if name not in trees:
        raise Failure(f"--tree {name!r}: as-was or as-is", USAGE)
    return trees[name]


@with_session("steward")
def rollback(
    session: Session,
    wait: Wait = True,
) -> None:
    """Propose that the previous view becomes live again, after it has caught up with the log.

    Example: kieng catalogue rollback
    """
    stub = session.stub(CatalogueServiceStub)
    answer = stub.RollBackCatalogue(api.RollBackCatalogueRequest())
    if proposal.is_told(session.screen, answer):
        return
    _answer(session, answer.view_id, wait)


@with_session("steward")
def list_views(
    session: Session,
) -> None:
    """List all views: live, kept, being built or refused, and why.

    Example: kieng catalogue views
    """
    views = session.stub(CatalogueServiceStub).ListViews(api.ListViewsRequest()).views
    screen = session.screen
    table = screen.table("view_id", "state", ">catalogue", ">events", ">parked", "detail")
    for view in views:
        state = enum_text(api.View.State.Name(view.state), "STATE_")
        is_built = view.state == api.View.STATE_BUILDING
        detail = screen.text(_phase(view)) if is_built else view.reason
        table.add_row(
            view.view_id,
            screen.text(f"view.{state}"),
            str(view.catalogue_version),
            str(view.events_done),
            str(view.parked),
            detail,
        )
    screen.answer({"views": [view_json(view) for view in views]}, lambda: table)


def view_json(view: api.View) -> dict[str, Any]:
    """Return a view as the JSON object that `--output json` prints.

    It has the fields of the contract's `View`, with `state` and `phase` in lower case, e.g. `live`;
    `events_done` and `parked` are present even if 0.
    """
    return {
        **message_json(view),
        "state": enum_text(api.View.State.Name(view.state), "STATE_"),
        "phase": enum_text(api.View.Phase.Name(view.phase), "PHASE_"),
        "events_done": view.events_done,
        "parked": view.parked,
    }


def _answer(session: Session, view_id: str, wait: bool) -> None:
    """Print the state of a view, with ``wait`` the final one; exit with code 1 if it is refused."""
    view = _followed(session, view_id, wait)
    refused = view.state == api.View.STATE_REFUSED
    key = "publish.refused" if refused else "publish.live"
    if view.state == api.View.STATE_BUILDING:
        key = _phase(view)
    text = session.screen.text(
        key, view=view.view_id, reason=view.reason, events=view.events_done, parked=view.parked
    )
    session.screen.answer(view_json(view), lambda: text)
    if refused:
        raise typer.Exit(NO)


def _followed(session: Session, view_id: str, wait: bool) -> api.View:
    request = api.FollowViewRequest(view_id=view_id)
    view = api.View()
    with session.screen.progress() as progress:
        bars: dict[int, Any] = {}
        for step in session.clients.stub(CatalogueServiceStub).FollowView(request):
            view = step.view
            if not wait:
                break
            if view.state == api.View.STATE_BUILDING:
                _show(session, progress, bars, step)
    return view


def _show(
    session: Session, progress: Progress, bars: dict[int, Any], step: api.FollowViewResponse
) -> None:
    view = step.view
    if view.phase not in bars:
        total = view.events_wanted if view.phase == api.View.PHASE_LOADING else None
        bars[view.phase] = progress.add_task(session.screen.text(_phase(view)), total=total)
    if view.phase == api.View.PHASE_LOADING:
        left = f" {step.seconds_left:.0f} s" if step.HasField("seconds_left") else ""
        text = session.screen.text(_phase(view)) + left
        progress.update(bars[view.phase], completed=view.events_done, description=text)


def _phase(view: api.View) -> str:
    return f"phase.{enum_text(api.View.Phase.Name(view.phase), 'PHASE_')}"
