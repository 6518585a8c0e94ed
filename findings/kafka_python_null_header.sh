#!/usr/bin/env bash
# A Kafka record header may have a null value, and kafka-python's reader hands it over as None. Its
# producer refuses the same header, so a record cannot be forwarded, e.g. to a dead-letter topic, as it
# was read: the value has to be replaced first. Encoding and decoding below need no broker, and the
# refusal comes before the producer has looked for one.
# Seen with kafka-python 3.0.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check kafka-python==3.0.12 crc32c==2.7.1
cat >seen.py <<'PYTHON'
import sys

from kafka import KafkaProducer
from kafka.record import MemoryRecords, MemoryRecordsBuilder

sent = [("trace", b"abc"), ("empty", b""), ("nothing", None)]
builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=16384)
builder.append(timestamp=1, key=b"k", value=b"v", headers=sent)
builder.close()
batch = MemoryRecords(builder.buffer()).next_batch()
read = list(next(iter(batch)).headers)
print("read:", read)
if read != sent:
    sys.exit("CHANGED: the reader does not give null as None")

KafkaProducer.__del__ = lambda self: None  # this one was never opened
producer = object.__new__(KafkaProducer)
producer._closed = False
producer.config = {"max_block_ms": 0, "key_serializer": None, "value_serializer": None}
try:
    producer.send("topic", value=b"v", key=b"k", headers=read)
except Exception as error:
    print("producer:", type(error).__name__, error)
    refused = isinstance(error, (AssertionError, TypeError, ValueError))
else:
    refused = False
sys.exit(0 if refused else "CHANGED: the producer takes the header")
PYTHON
venv/bin/python seen.py
