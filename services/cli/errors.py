"""How a command fails: with one readable line and an exit code.

The exit codes: 0 done; 1 the answer is no (`NO`); 2 wrong usage (`USAGE`); 3 a service, the broker
or the database is down (`DOWN`); 130 Ctrl-C ended it (`INTERRUPTED`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.importing.errors import NoRoom, Unclear, Unreadable
from services.refusals import in_language
from services.texts import Lang

NO, USAGE, DOWN = 1, 2, 3
INTERRUPTED = 130


class Failure(Exception):
    """Raised by a command that fails; `main` prints the message and exits with the code.

    Args:
        message: what is wrong and what to do about it, in one line.
        exit_code: `NO`, `USAGE` or `DOWN`.
    """

    def __init__(self, message: str, exit_code: int = NO) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code

    def reword(self, change: Callable[[str], str]) -> None:
        """Replace the message, in English, by what ``change`` makes of it."""
        self.message = change(self.message)

    def told_in(self, lang: Lang) -> str:
        """Return the message with its first line in a language; the other lines stay as they are.

        A first line that has no translation stays English.
        """
        head, line_end, rest = self.message.partition("\n")
        colon = ":" if line_end and head.endswith(":") else ""
        return in_language(head.removesuffix(colon), lang) + colon + line_end + rest


def failure_of(error: Unreadable, lang: Lang = Lang.en) -> Failure:
    """Return the `Failure` that a command raises for a file that it cannot read.

    Its exit code is `DOWN` if this machine has no room for the rows of the file, `USAGE` if another
    file or a choice is needed, and `NO` otherwise.

    Args:
        error: what is wrong with the file.
        lang: language of the message.
    """
    code = DOWN if isinstance(error, NoRoom) else USAGE if isinstance(error, Unclear) else NO
    problem = in_language(error.problem, lang)
    option = f" (--{error.choice})" if isinstance(error, Unclear) and error.choice else ""
    return Failure(f"{error.place}: {problem}{option}" if error.place else problem + option, code)


def worst(codes: Iterable[int]) -> int:
    """Return the highest of several exit codes, which is the most severe; 0 if there are none."""
    return max(codes, default=0)
