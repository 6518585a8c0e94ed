"""Programs that need no running service: they verify logs, check definitions, recount backups."""
