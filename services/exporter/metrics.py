"""Metrics of the exporter. A metric whose value is unknown is absent, never 0."""

from __future__ import annotations

from prometheus_client import Gauge

_READER = ["group", "topic", "partition"]
_PARTITION = ["topic", "partition"]

LAG_RECORDS = Gauge("kieng_lag_records", "Records that a group has not handled yet.", _READER)
LAG_SECONDS = Gauge(
    "kieng_lag_seconds", "Age of the oldest record that a group has not handled yet.", _READER
)
LAG_POSITION = Gauge("kieng_lag_position", "Offset of a group's next record.", _READER)
LAG_NO_POSITION = Gauge(
    "kieng_lag_no_position",
    "1 when the broker knows no position of a group: it never read, or was away for too long.",
    _READER,
)
LAG_OUTSIDE = Gauge(
    "kieng_lag_position_outside_log",
    "1 when a group's position points to what the log does not hold: read LOG_DIVERGED.",
    _READER,
)
LOG_START = Gauge("kieng_log_start_offset", "First offset that the log holds.", _PARTITION)
LOG_END = Gauge("kieng_log_end_offset", "Offset behind the last record of the log.", _PARTITION)
LOG_BYTES = Gauge(
    "kieng_log_bytes",
    "Size of a topic on disk, all copies; absent on the embedded broker.",
    ["topic"],
)
BROKER_UP = Gauge("kieng_broker_up", "1 when the broker answered in the last round.")
DATABASE_UP = Gauge("kieng_database_up", "1 when the database answered in the last round.")
DATABASE_BYTES = Gauge("kieng_database_bytes", "Size of a database.", ["database", "part"])
DATABASE_DOCUMENTS = Gauge("kieng_database_documents", "Documents of a database.", ["database"])
_DISK = ["part"]
DISK_BYTES = Gauge(
    "kieng_disk_bytes",
    "Size of a disk: of a broker, of the database's primary, or of `KIENG_DISK_FOLDER`.",
    _DISK,
)
DISK_FREE_BYTES = Gauge("kieng_disk_free_bytes", "Free on a disk: below a tenth, add space.", _DISK)
