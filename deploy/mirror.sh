#!/usr/bin/env bash
# Copies every image that an installation starts into a registry of your own, for networks without the internet.
#
#   deploy/mirror.sh --list                   # print them
#   deploy/mirror.sh registry.example.vn      # pull, tag and push them (docker, or the program that DOCKER names)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

images() {
    sed -n 's#^ *image: \${KIENG_REGISTRY:-docker\.io}/#docker.io/#p' compose.yaml
    # What our own image is built from.
    sed -n 's#^FROM \${REGISTRY}/\([^ ]*\).*#docker.io/\1#p' Dockerfile
}

if [ "${1:-}" = "--list" ]; then
    images | sort -u
elif [ $# -eq 1 ] && [ "${1#-}" = "$1" ]; then
    for image in $(images | sort -u); do
        copy="${1%/}/${image#docker.io/}"
        "${DOCKER:-docker}" pull "$image"
        "${DOCKER:-docker}" tag "$image" "$copy"
        "${DOCKER:-docker}" push "$copy"
    done
else
    echo "usage: deploy/mirror.sh --list | REGISTRY" >&2
    exit 2
fi
