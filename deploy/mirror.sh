#!/usr/bin/env bash
# Copies every image that an installation starts into a registry of your own, for networks without the internet, and pins them.
#
#   deploy/mirror.sh --list                   # print them
#   deploy/mirror.sh registry.example.vn      # pull, tag and push them (docker, or the program that DOCKER names)
#   deploy/mirror.sh --pin [REGISTRY]         # pull them, and print their digests as variables for deploy/.env
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
docker="${DOCKER:-docker}"

images() {
    {
        sed -n 's#^ *image: \${KIENG_REGISTRY:-docker\.io}/#docker.io/#p' compose.yaml
        # What our own image is built from.
        sed -n 's#^FROM \${REGISTRY}/\([^ ]*\).*#docker.io/\1#p' Dockerfile
    } | sed 's#\${[^}]*}$##' | sort -u
}

# Lines `KIENG_NAME_DIGEST=@sha256:...`: whoever moves a tag later changes nothing here.
pin() {
    local image name digest
    for image in $(images); do
        image="${1%/}/${image#docker.io/}"
        "$docker" pull --quiet "$image" >&2
        digest="$("$docker" image inspect --format '{{index .RepoDigests 0}}' "$image")"
        name="${image##*/}"
        name="${name%%:*}"
        echo "KIENG_${name^^}_DIGEST=@${digest##*@}"
    done
}

if [ "${1:-}" = "--list" ]; then
    images
elif [ "${1:-}" = "--pin" ]; then
    pin "${2:-docker.io}"
elif [ $# -eq 1 ] && [ "${1#-}" = "$1" ]; then
    for image in $(images); do
        copy="${1%/}/${image#docker.io/}"
        "$docker" pull "$image"
        "$docker" tag "$image" "$copy"
        "$docker" push "$copy"
    done
else
    echo "usage: deploy/mirror.sh --list | --pin [REGISTRY] | REGISTRY" >&2
    exit 2
fi
