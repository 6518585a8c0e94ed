"""The `kieng` command line, and the processes of a local installation that it starts."""

import warnings

# Some commands import nameko; a user of a command cannot act on this warning.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
