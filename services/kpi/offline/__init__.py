"""Programs that need no running service: verify a log file, check definitions, recount a backup."""
