#!/bin/sh
# npm run pack:breaker [-- FOLDER]: the library as a package of its own, outrigger-breaker, with no
# dependency; for those who want the circuit breaker and no mesh.
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
sh "$root/scripts/build.sh" >&2
exec "$node" "$root/scripts/pack-breaker.ts" "${1:-$root}"
