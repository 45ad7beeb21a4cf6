# Sourced after setup.sh, POSIX sh. Bun and Deno, which the library is tested on, from their locked
# npm packages (scripts/js-runtimes), once into the shared cache.

bun_version=1.4.5
deno_version=2.9.6
bun=$cache/bun-$bun_version/bun
deno=$cache/deno-$deno_version/deno

want_js_runtimes() {
  [ -x "$bun" ] && [ -x "$deno" ] || locked install_js_runtimes ||
    say "no Bun or no Deno: the library's tests on them cannot run"
}

# In a subshell, so that the trap is its own.
install_js_runtimes() (
  [ ! -x "$bun" ] || [ ! -x "$deno" ] || return 0
  work=$(mktemp -d) || return 1
  trap 'rm -rf "$work"' EXIT
  cp "$root"/scripts/js-runtimes/package*.json "$root/.npmrc" "$work/" || return 1
  step "installing Bun $bun_version and Deno $deno_version into $cache (once)" \
    install_locked "$work" || return 1
  keep_runtime "$bun" "$work"/node_modules/@oven/bun-*/bin/bun &&
    keep_runtime "$deno" "$work"/node_modules/@deno/*/deno
)

# keep_runtime PROGRAM FILE: the one that runs on this system, which npm has chosen.
keep_runtime() {
  [ -f "$2" ] || return 1
  mkdir -p "${1%/*}" || return 1
  cp "$2" "$1.$$" && chmod 755 "$1.$$" && mv "$1.$$" "$1"
}
