#!/usr/bin/env bash
# Copies every image that an installation starts into a registry of your own, for networks without the internet, and pins them.
#
#   deploy/mirror.sh --list                   # print them
#   deploy/mirror.sh registry.example.vn      # pull, tag and push them (docker, or the program that DOCKER names)
#   deploy/mirror.sh --pin [REGISTRY]         # pull them, and write their digests to deploy/.env (or ENV_FILE), which Compose reads
#   deploy/mirror.sh --check                  # exit with 1, and name them, if Compose would start images that are not pinned
#
# Our own image is pinned as well if KIENG_IMAGE names it in a registry, here or in deploy/.env.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
docker="${DOCKER:-docker}"
env_file="${ENV_FILE:-.env}"

images() {
    {
        sed -n 's#^ *image: \${KIENG_REGISTRY:-docker\.io}/#docker.io/#p' compose.yaml
        # What our own image is built from.
        sed -n 's#^FROM \${REGISTRY}/\([^ ]*\).*#docker.io/\1#p' Dockerfile
    } | sed 's#\${[^}]*}$##' | sort -u
}

# Name of the variable that holds the digest of an image.
variable() {
    local name="${1##*/}"
    name="${name%%:*}"
    echo "KIENG_${name^^}_DIGEST"
}

# Value of a variable: from the environment, or else from the file that Compose reads, as Compose does.
value() {
    if [ -n "${!1:-}" ]; then
        echo "${!1}"
    elif [ -f "$env_file" ]; then
        sed -n "s#^$1=##p" "$env_file" | tail -n 1
    fi
}

digest_of() {
    "$docker" pull --quiet "$1" >&2
    "$docker" image inspect --format '{{index .RepoDigests 0}}' "$1"
}

# Prints lines `KIENG_NAME_DIGEST=@sha256:...`: whoever moves a tag later changes nothing here.
digests() {
    local image found own
    for image in $(images); do
        found="$(digest_of "${1%/}/${image#docker.io/}")"
        echo "$(variable "$image")=@${found##*@}"
    done
    own="$(value KIENG_IMAGE)"
    case "$own" in
    *@sha256:*) echo "KIENG_IMAGE=$own" ;;
    ?*) echo "KIENG_IMAGE=$(digest_of "$own")" ;;
    *) echo "Our own image is not pinned: push it to a registry, and name it in KIENG_IMAGE." >&2 ;;
    esac
}

# Replaces the lines of digests in the file that Compose reads, and leaves the others, e.g. passwords, as they are.
pin() {
    local found others="" lines
    found="$(digests "$1")"
    lines="$(printf '%s\n' "$found" | sed 's/=.*//' | paste -sd '|')"
    if [ -f "$env_file" ]; then
        others="$(grep -Ev "^($lines)=" "$env_file" || true)"
    fi
    (
        umask 077
        printf '%s\n' ${others:+"$others"} "$found" >"$env_file.tmp"
    )
    mv "$env_file.tmp" "$env_file"
}

check() {
    local image missing=0
    for image in $(images); do
        if [ -z "$(value "$(variable "$image")")" ]; then
            echo "$image is not pinned: $(variable "$image") is not set"
            missing=1
        fi
    done
    case "$(value KIENG_IMAGE)" in
    *@sha256:*) ;;
    *)
        echo "our own image is not pinned: KIENG_IMAGE names no digest"
        missing=1
        ;;
    esac
    return "$missing"
}

if [ "${1:-}" = "--list" ]; then
    images
elif [ "${1:-}" = "--pin" ]; then
    pin "${2:-docker.io}"
elif [ "${1:-}" = "--check" ]; then
    check
elif [ $# -eq 1 ] && [ "${1#-}" = "$1" ]; then
    for image in $(images); do
        copy="${1%/}/${image#docker.io/}"
        "$docker" pull "$image"
        "$docker" tag "$image" "$copy"
        "$docker" push "$copy"
    done
else
    echo "usage: deploy/mirror.sh --list | --pin [REGISTRY] | --check | REGISTRY" >&2
    exit 2
fi
