#!/bin/sh
# Writes dist/, which the package is made of: the programs of src/, bundled, and the samples as
# JavaScript, since Node strips no types under node_modules.
set -eu
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/setup.sh"
need_runtime
need_dependencies
need_generated_types
cd "$root"

# Built aside and moved, so that a failed build leaves the last good one.
fresh=dist.$$
trap 'rm -rf "$root/$fresh" "$root/$fresh.tree"' EXIT
tsc=node_modules/typescript/bin/tsc
"$node" "$tsc" -p tsconfig.build.json --outDir "$fresh.tree"
cp -R src/gen "$fresh.tree/gen"
"$node" scripts/bundle.ts "$fresh.tree" "$fresh"
"$node" "$tsc" -p tsconfig.samples.json --outDir "$fresh/samples"
find samples -name '*.yaml' | while IFS= read -r file; do
  mkdir -p "$fresh/${file%/*}"
  sed '/outrigger\.dev\/command/s/\.ts\([^a-z]\|$\)/.js\1/g' "$file" >"$fresh/$file"
done
chmod 755 "$fresh/cli/main.js"
rm -rf dist
mv "$fresh" dist
