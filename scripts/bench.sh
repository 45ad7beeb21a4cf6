#!/bin/sh
# npm run bench: builds the package, brings the proxies it is compared with, and measures.
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
. "$root/scripts/tools.sh"
# The breaker is measured as it lies in the source, beside libraries: no proxy, no network.
case " $* " in
*" breaker "*)
  need_runtime
  need_dependencies
  ;;
*)
  sh "$root/scripts/build.sh" >&2
  want_test_tools
  ;;
esac
exec "$node" "$root/bench/main.ts" "$@"
