#!/bin/sh
# Builds the container image from a static binary. Nothing is pulled.
# Usage: deploy/image.sh [name:tag]   (default vedette:latest)
set -eu
cd "$(dirname "$0")/.."
tag=${1:-vedette:latest}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir "$context/data"
CGO_ENABLED=0 go build -trimpath -tags nodemo,urfave_cli_no_docs -ldflags '-s -w' -o "$context/vedette" .
cp deploy/Dockerfile "$context/"
docker build -q -t "$tag" "$context"
docker image inspect -f '{{.Size}}' "$tag" | awk '{printf "'"$tag"': %.1f MB\n", $1/1e6}'
