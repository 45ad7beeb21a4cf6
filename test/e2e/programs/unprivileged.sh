# unprivileged.sh NODE ENTRY ARGUMENT...: outrigger as a user without privilege, who has subordinate
# ids and can read this checkout and the NODE, wherever they are. In a mount namespace of its own.
set -e
node=$1
shift 2
home=$TMPDIR/home
mkdir -p "$home" "$TMPDIR/checkout" "$TMPDIR/node"
mount --bind . "$TMPDIR/checkout"
mount --bind "$(dirname "$(realpath "$node")")" "$TMPDIR/node"
echo "nobody:100000:65536" >"$TMPDIR/subordinate"
for file in /etc/subuid /etc/subgid; do mount --bind "$TMPDIR/subordinate" "$file"; done
chmod 711 "$TMPDIR"
chown 65534:65534 "$home"
cd "$TMPDIR/checkout"
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- \
  env HOME="$home" TMPDIR="$home" XDG_CACHE_HOME="$home" \
  "$TMPDIR/node/node" src/cli/main.ts "$@"
