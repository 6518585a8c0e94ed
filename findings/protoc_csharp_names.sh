#!/usr/bin/env bash
# protoc names generated C# files by the stem of the .proto file alone. Two packages that each have an
# events.proto, with different csharp_namespace options, cannot be generated in one call:
# "Events.cs: Tried to write the same file twice". Only --csharp_opt=base_namespace= makes folders.
# Java does not have the trouble: java_package makes a folder for each package.
# Seen with protoc 4.35.1 of Maven Central (Linux on x86_64); needs mvn.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mvn --quiet --batch-mode dependency:copy -DoutputDirectory="$folder" \
    -Dartifact=com.google.protobuf:protoc:4.35.1:exe:linux-x86_64
chmod +x protoc-*.exe

for area in Orders Returns; do
    lower=$(tr '[:upper:]' '[:lower:]' <<<"$area")
    mkdir -p "shop/$lower/v1"
    cat >"shop/$lower/v1/events.proto" <<PROTO
syntax = "proto3";
package shop.$lower.v1;
option csharp_namespace = "Shop.$area.V1";
option java_package = "shop.$lower.v1";
option java_multiple_files = true;
message Changed { string id = 1; }
PROTO
done
protos=(shop/orders/v1/events.proto shop/returns/v1/events.proto)
protoc=(./protoc-*.exe -I .)
mkdir plain folders java

if "${protoc[@]}" --csharp_out=plain "${protos[@]}" 2>seen; then
    echo "CHANGED: protoc generated both files"
    exit 1
fi
cat seen
grep -F "Tried to write the same file twice" seen
"${protoc[@]}" --csharp_out=folders --csharp_opt=base_namespace= "${protos[@]}"
"${protoc[@]}" --java_out=java "${protos[@]}"
(cd folders && find . -name '*.cs' | sort)
test -f folders/Shop/Orders/V1/Events.cs
test -f folders/Shop/Returns/V1/Events.cs
test "$(find java -name Changed.java | wc -l)" = 2
echo "as found: C# needs base_namespace= for two files of one stem, Java does not"
