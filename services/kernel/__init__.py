"""What all services share: settings, workers, gRPC, Kafka, MongoDB, metrics and shutdown."""

import warnings

# nameko imports eventlet, of which only the supervising hub is used (ADR 0001).
warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")
