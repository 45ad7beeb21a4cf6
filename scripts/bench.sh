#!/bin/sh
# npm run bench: builds the package, brings the proxies it is compared with, and measures.
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
. "$root/scripts/tools.sh"
sh "$root/scripts/build.sh" >&2
want_test_tools
exec "$node" "$root/bench/main.ts" "$@"
