#!/bin/sh
# Writes src/gen/ anew, whether or not it is up to date: npm run generate
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
need_runtime
need_dependencies
exec "$node" "$root/scripts/generate.ts"
