"""The entry point of `kieng`: registers all commands and turns exceptions into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from services.cli.commands import (
    backup,
    catalogue,
    certificate,
    config,
    db,
    demo,
    doctor,
    edition,
    import_file,
    inbox,
    issuer,
    kpi,
    kpi_explain,
    kpi_overlaps,
    log,
    parked,
    partner,
    proposal,
    review,
    submission,
    submit,
    subscription,
    target,
    template,
    token,
    topic_acls,
    topics,
    unit,
    up,
    verify,
)
from services.cli.errors import USAGE, Failure
from services.cli.terminal.escaping import visible

app = typer.Typer(
    name="kieng",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Live, exact and provable indicators of universities that report together.",
    epilog="Example: kieng up, then in another window: kieng doctor",
)
app.command()(up.up)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.command("import")(import_file.import_file)
app.command()(template.template)
app.command()(submit.submit)
app.add_typer(submission.app, name="submission")
app.add_typer(review.app, name="review")
kpi.app.command()(kpi_explain.explain)
kpi.app.command()(kpi_overlaps.overlaps)
app.add_typer(kpi.app, name="kpi")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(edition.app, name="edition")
app.add_typer(unit.app, name="unit")
app.add_typer(partner.app, name="partner")
app.add_typer(proposal.app, name="proposal")
app.add_typer(target.app, name="target")
app.add_typer(inbox.app, name="inbox")
app.add_typer(subscription.app, name="subscription")
app.command()(token.token)
topics.app.add_typer(topic_acls.app, name="acl")
app.add_typer(topics.app, name="topics")
app.add_typer(issuer.app, name="issuer")
app.add_typer(certificate.app, name="certificate")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(backup.app, name="backup")
app.add_typer(log.app, name="log")
app.add_typer(parked.app, name="parked")
app.command()(verify.verify)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("kieng"))
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    wanted: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Live, exact and provable indicators of universities that report together.

    Example: kieng up, then in another window: kieng doctor
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name (by default those of the process), and exit.

    Raises:
        SystemExit: always, with the exit code; see `services.cli.errors`.
    """
    # Messages about forks and lost connections do not concern users of a command.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app(args=arguments, prog_name="kieng")
    except Failure as failure:
        print(f"kieng: {visible(failure.message)}", file=sys.stderr)
        raise SystemExit(failure.exit_code) from None
    except OSError as error:
        # The user can act on a file that cannot be read or written; any other error is a bug.
        if error.filename is None:
            raise
        print(f"kieng: {error.filename}: {error.strerror}", file=sys.stderr)
        raise SystemExit(USAGE) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
