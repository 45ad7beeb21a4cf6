#!/bin/sh
# npm run matrix: faults against policies, written into docs/resilience.md.
set -eu
exec sh "$(dirname -- "$0")/run.sh" test/matrix/main.ts "$@"
