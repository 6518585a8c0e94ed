"""What every service does identically: settings, workers, gRPC, Kafka, MongoDB, metrics, stop."""
