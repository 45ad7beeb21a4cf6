#!/bin/sh
# Runs a TypeScript file of this repository on the pinned Node: sh scripts/run.sh FILE ARGUMENT...
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
need_runtime
need_dependencies
need_generated_types
file=$1
shift
exec "$node" "$root/$file" "$@"
