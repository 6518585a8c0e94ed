"""What all services share: settings, workers, gRPC, Kafka, MongoDB, metrics and shutdown."""

import os
import warnings

# nameko imports eventlet, of which only the supervising hub is used (ADR 0001): no DNS of its own,
# whose import is a tenth of the start of every process.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")
# A search of all installed packages for plugins, which nothing here has.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
