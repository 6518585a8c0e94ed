#!/usr/bin/env bash
# With deterministic=True one release of protobuf has two orders for the entries of a map. Its pure Python sorts the keys. Its upb
# has numbers fall as if unsigned (-1, 5, 3, 0), and texts rise, but "aa" before "a"; in 5.29.5 numbers fall by sign
# (5, 3, 0, -1), so that stored bytes change with the release as well. A digest or signature over such bytes that
# is made in one place is refused in another with the same lock file: on Alpine pip installs the wheel without
# upb. Messages are equal either way.
# Seen with protobuf 7.36.2, 6.33.0 and 5.29.5.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >seen.py <<'PYTHON'
import json

from google.protobuf import __version__, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation

Field = descriptor_pb2.FieldDescriptorProto
file = descriptor_pb2.FileDescriptorProto(name="trial.proto", package="trial", syntax="proto3")
message = file.message_type.add(name="Counts")
for number, (name, kind) in enumerate((("numbers", Field.TYPE_INT32), ("texts", Field.TYPE_STRING)), 1):
    entry = message.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kind, label=Field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=Field.TYPE_INT32, label=Field.LABEL_OPTIONAL)
    kind = f".trial.Counts.{entry.name}"
    message.field.add(name=name, number=number, type=Field.TYPE_MESSAGE, type_name=kind, label=Field.LABEL_REPEATED)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Counts = message_factory.GetMessageClass(pool.FindMessageTypeByName("trial.Counts"))


def order(name, keys):
    counts = Counts(**{name: dict.fromkeys(keys, 7)})
    assert Counts.FromString(counts.SerializeToString()) == counts
    encoded, found = counts.SerializeToString(deterministic=True), []
    while encoded:  # a byte for the field, one for the length, then the entry
        end = 2 + encoded[1]
        found += getattr(Counts.FromString(encoded[:end]), name)
        encoded = encoded[end:]
    return found


seen = order("numbers", [3, 0, -1, 5]), order("texts", ["b", "a", "aa"])
assert seen == (order("numbers", [5, -1, 3, 0]), order("texts", ["aa", "b", "a"]))
print(json.dumps([__version__, api_implementation.Type(), *seen]))
PYTHON
changed=0
for version in 7.36.2 6.33.0 5.29.5; do
    python3 -m venv "$version"
    "$version/bin/python" -m pip install --quiet --disable-pip-version-check "protobuf==$version"
    upb=$("$version/bin/python" seen.py)
    plain=$(PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python "$version/bin/python" seen.py)
    printf '%s\n' "$upb" "$plain"
    falling="[-1, 5, 3, 0]"
    [ "$version" = 5.29.5 ] && falling="[5, 3, 0, -1]"
    [ "$upb" = "[\"$version\", \"upb\", $falling, [\"aa\", \"a\", \"b\"]]" ] || changed=1
    [ "$plain" = "[\"$version\", \"python\", [-1, 0, 3, 5], [\"a\", \"aa\", \"b\"]]" ] || changed=1
done
"$version/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform musllinux_1_2_x86_64 --dest alpine protobuf==7.36.2
echo "for Alpine: $(ls alpine)"
[ "$(ls alpine)" = protobuf-7.36.2-py3-none-any.whl ] || changed=1
exit "$changed"
