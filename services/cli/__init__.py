"""The `kieng` command, and the parts of a local installation that it starts."""

import warnings

# Some commands import nameko, and nobody who types a command can act on this.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
