"""The `kieng` command line, and the processes of a local installation that it starts."""

import gc
import os
import warnings

# Some commands import nameko; a user of a command cannot act on this warning.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
# Garbage is collected rarely: by default that takes a sixth of the time of a short command.
gc.set_threshold(100_000, 50, 1000)
# Saves a search of all installed packages for plugins of pydantic; none is used here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
