"""The program `kieng`: answers a shell that completes a command line, or else runs a command.

A shell waits for its answer at every press of Tab, so it is given before typer is imported.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence

from services.cli.completion import ASKED, answer_shell

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of errors of writing where no room is left."""


def run() -> None:
    """Run `main` as the process `kieng`, and exit with its code; at once after Ctrl-C."""
    if ASKED in os.environ:
        answer_shell(os.environ)
    # Imported here, because a shell that completes a command line needs none of it.
    from services.cli.errors import INTERRUPTED

    if sys.stdout is not None:
        # As on stderr: a terminal that cannot show a letter shows its code instead.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        main()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            # Threads of grpc may be in a call, and the interpreter could crash when it ends: once
            # it died of signal 11 instead of exiting with this code.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise
    finally:
        # Or the interpreter searches all modules for garbage before it ends, which takes a tenth of
        # the time of a short command.
        gc.freeze()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name (by default those of the process), and exit.

    Raises:
        SystemExit: always, with the exit code; see `services.cli.errors`.
    """
    import typer
    from typer.exceptions import TyperException

    from services.cli.app import app
    from services.cli.errors import DOWN, INTERRUPTED, NO, USAGE, Failure, failure_of
    from services.cli.terminal.escaping import visible
    from services.cli.terminal.help import asked_language, show_abort, show_refusal
    from services.importing.errors import Unreadable

    # Messages about forks and lost connections do not concern users of a command.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    lang = asked_language(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=arguments, prog_name="kieng", standalone_mode=False, obj=lang)
        raise SystemExit(code or 0)
    except TyperException as refused:
        show_refusal(refused, lang)
        raise SystemExit(refused.exit_code) from None
    except typer.Abort:
        # The question of a command will not be answered: Ctrl-D, or no terminal.
        show_abort(lang)
        raise SystemExit(NO) from None
    except (Failure, Unreadable) as error:
        failure = error if isinstance(error, Failure) else failure_of(error)
        print(f"kieng: {visible(failure.message)}", file=sys.stderr)
        raise SystemExit(failure.exit_code) from None
    except OSError as error:
        # The user can act on a file that cannot be read or written; any other error is a bug. No
        # error of writing names the file: it may be any that is open, or the answer itself.
        if error.filename is None and error.errno not in FULL:
            raise
        told = Failure(f"{error.filename or 'writing failed'}: {error.strerror}").told_in(lang)
        print(f"kieng: {visible(told)}", file=sys.stderr)
        raise SystemExit(USAGE if error.filename else DOWN) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
