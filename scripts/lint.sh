#!/bin/sh
# npm run lint: format, lint, walls between rooms, unused code, types. No tests.
set -eu
exec sh "$(dirname -- "$0")/test.sh" --fast --lint
