#!/bin/sh
# npm test: sets up what is missing, then runs every check and test. With --fast: no real Envoy,
# nginx or Prometheus, no end-to-end tests, in two minutes.
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
. "$root/scripts/tools.sh"
need_runtime
need_dependencies
need_generated_types
case " $* " in
  *" --fast "*) ;;
  *)
    want_network_tools
    want_test_tools
    ;;
esac
PATH=${node%/*}:$PATH:/usr/sbin:/sbin
export PATH
cd "$root"
exec "$node" scripts/test.ts "$@"
