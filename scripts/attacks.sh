#!/bin/sh
# npm run attacks: does what hostile clients, endpoints and configuration do, and writes docs/attacks.md.
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
need_runtime
need_dependencies
need_generated_types
cd "$root"
exec "$node" test/attacks/report.ts "$@"
