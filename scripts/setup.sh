# Sourced, POSIX sh. What a checkout needs before it can run, each brought on first use and found
# again afterwards by a stamp: the pinned Node, the locked dependencies, the generated types.
# Expects $root, the checkout. Sets $cache and $node. Speaks on stderr only.

node_version=26.10.0
cache=${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/outrigger
node=$cache/node-$node_version/bin/node
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$cache/compile-cache}
export NODE_COMPILE_CACHE

say() {
  printf 'outrigger: %s\n' "$*" >&2
}

fail() {
  say "$*"
  exit 1
}

# step TEXT COMMAND...: runs a long command and shows that time passes. What the command says goes
# to a log, which is shown if the command fails.
step() {
  step_text=$1
  shift
  step_log=$cache/setup.log
  step_start=$(date +%s)
  say "$step_text ..."
  show_progress 9>&- & # without the lock that `locked` holds
  step_ticker=$!
  step_status=0
  "$@" >"$step_log" 2>&1 </dev/null || step_status=$?
  kill "$step_ticker" 2>/dev/null || :
  wait "$step_ticker" 2>/dev/null || :
  step_seconds=$(($(date +%s) - step_start))
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ "$step_status" -eq 0 ]; then
    say "$step_text: done in $step_seconds s"
  else
    show_failure
    say "$step_text: failed after $step_seconds s (status $step_status; all of it is in $step_log)"
  fi
  return "$step_status"
}

show_failure() {
  grep -E '[Ee]rror|^E: ' "$cache/setup.log" | head -n 20 >&2
  tail -n 5 "$cache/setup.log" >&2
}

# A running second count on a terminal, else a line every ten seconds, as long as the parent lives.
show_progress() {
  shown=0
  while sleep 1 >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do
    shown=$((shown + 1))
    if [ -t 2 ]; then
      printf '\routrigger: %s ... %s s' "$step_text" "$shown" >&2
    elif [ $((shown % 10)) -eq 0 ]; then
      say "$step_text ... $shown s"
    fi
  done
}

# locked COMMAND...: one set-up at a time on this machine. The kernel lets go of flock's lock when
# its holder dies; without flock (a Mac), a folder is the lock and a dead holder's is taken over.
locked() {
  mkdir -p "$cache"
  if command -v flock >/dev/null 2>&1; then
    (
      flock -n 9 || {
        say "waiting for another set-up to finish"
        flock 9
      }
      "$@"
    ) 9>"$cache/setup.lock"
    return
  fi
  until mkdir "$cache/setup.lock.d" 2>/dev/null; do
    holder=$(cat "$cache/setup.lock.d/pid" 2>/dev/null || :)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      rm -rf "$cache/setup.lock.d"
    else
      sleep 1
    fi
  done
  echo "$$" >"$cache/setup.lock.d/pid"
  locked_status=0
  "$@" || locked_status=$?
  rm -rf "$cache/setup.lock.d"
  return "$locked_status"
}

need_npm() {
  command -v npm >/dev/null 2>&1 ||
    fail "npm is missing: install Node 20 or newer with its npm (Debian: apt-get install npm)"
}

# install_locked FOLDER: what its package-lock.json says. Not `npm ci`: that refuses a lock file
# without the binaries for other systems that a mirror does not carry. Not `npm --prefix`: that
# reads another npmrc than the machine's.
install_locked() (
  cd "$1" && npm install --no-save --ignore-scripts --loglevel=http
)

# The pinned Node, whatever Node the machine has: one version is what the tests have seen.
need_runtime() {
  [ -x "$node" ] || locked install_runtime || exit 1
}

# Node's version in the installed runtime, empty when there is none that runs.
runtime_version() {
  for candidate in "$cache/node-$node_version"/node_modules/node-*/bin/node; do
    "$candidate" --version 2>/dev/null || :
  done
}

# npm passes over an optional package that it cannot fetch, and only the folder tells.
no_runtime() {
  case $(uname -sm) in
    "Linux x86_64" | "Linux aarch64" | "Darwin arm64") ;;
    *) fail "there is no Node $node_version for $(uname -sm) in scripts/runtime/package.json" ;;
  esac
  for candidate in "$runtime"/node_modules/node-*/bin/node; do
    if [ -e "$candidate" ]; then
      "$candidate" --version >&2 || :
      fail "Node $node_version does not run here; it needs glibc, libstdc++ and libatomic" \
        "(Debian: apt-get install libatomic1)"
    fi
  done
  show_failure
  fail "Node $node_version did not arrive: does 'npm ping' reach the registry?"
}

# The one library that Node needs and a bare Debian lacks.
want_libatomic() {
  [ "$(runtime_version)" != "v$node_version" ] && can_install_packages || return 0
  step "installing libatomic1, which Node $node_version needs" install_packages libatomic1 || :
}

install_runtime() {
  [ ! -x "$node" ] || return 0
  runtime=$cache/node-$node_version
  if [ "$(runtime_version)" != "v$node_version" ]; then
    need_npm
    mkdir -p "$runtime"
    cp "$root/scripts/runtime/package.json" "$root/scripts/runtime/package-lock.json" \
      "$root/.npmrc" "$runtime/"
    step "installing Node $node_version into $runtime (once)" \
      install_locked "$runtime" || return 1
    want_libatomic
    [ "$(runtime_version)" = "v$node_version" ] || no_runtime
  fi
  mkdir -p "$runtime/bin"
  ln -sf "$(echo "$runtime"/node_modules/node-*/bin/node)" "$node"
}

# The locked dependencies, without their install scripts. The stamp is a copy of the lock file.
need_dependencies() {
  cmp -s "$root/package-lock.json" "$root/node_modules/.outrigger-lock" ||
    locked install_dependencies || exit 1
}

install_dependencies() {
  ! cmp -s "$root/package-lock.json" "$root/node_modules/.outrigger-lock" || return 0
  if ! "$node" "$root/scripts/installed.ts"; then
    need_npm
    step "installing the locked dependencies" \
      install_locked "$root" || return 1
    "$node" "$root/scripts/installed.ts" ||
      fail "npm installed something else than package-lock.json says; see $cache/setup.log"
  fi
  rm -f "$root/src/gen/.stamp"
  cp "$root/package-lock.json" "$root/node_modules/.outrigger-lock"
}

# The messages in src/gen. The stamp is a copy of what they are made from: the generator, and our own
# .proto files with their names; new dependencies, which bring the others, remove it.
need_generated_types() {
  types_are_fresh || locked generate_types || exit 1
}

types_are_fresh() {
  generator_text | cmp -s - "$root/src/gen/.stamp"
}

generator_text() (
  cd "$root"
  cat scripts/generate.ts
  find proto -name '*.proto' | LC_ALL=C sort | while IFS= read -r file; do
    printf '%s\n' "$file"
    cat "$file"
  done
)

generate_types() {
  ! types_are_fresh || return 0
  step "generating the messages' types" "$node" "$root/scripts/generate.ts" || return 1
  generator_text >"$root/src/gen/.stamp"
}

# missing_programs NAME...: those of them that are neither on the PATH nor in an administrator's,
# nor where Debian keeps PostgreSQL's.
missing_programs() {
  postgres=$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')
  for program; do
    PATH=$PATH:/usr/sbin:/sbin:$postgres command -v "$program" >/dev/null 2>&1 ||
      printf '%s ' "$program"
  done
}

can_install_packages() {
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1
}

# install_packages NAME...: Debian packages, without starting the services that some of them bring.
# In a subshell, so that the trap is its own.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ] || grep -q '^# outrigger' "$policy"; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\n# outrigger, while it installs packages: start no service\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  install_packages_now "$@"
)

install_packages_now() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q --no-install-recommends "$@" && return
  apt-get update -q && apt-get install -y -q --no-install-recommends "$@"
}

# For `up`: pods in network namespaces need ip and iptables. Wanted, not needed: without them the
# mesh runs in explicit mode, on loopback addresses.
want_network_tools() {
  lacking=$(missing_programs ip iptables)
  [ -n "$lacking" ] || return 0
  if can_install_packages &&
    locked step "installing iproute2 and iptables" install_packages iproute2 iptables; then
    return 0
  fi
  [ "$(uname -s)" != Linux ] || say "missing: ${lacking% }; the mesh will run in explicit mode"
}
