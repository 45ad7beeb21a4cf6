# world.sh NODE COMMAND...: COMMAND on a machine of its own, in namespaces that `unshare` made: its
# addresses, its resolver and who answers there (world.ts).
set -e
node=$1
shift
# Servers that will not run as root have their data there.
chmod 711 "$TMPDIR"
ip link set lo up
ip addr add 192.0.2.77/32 dev lo
ip addr add 192.0.2.53/32 dev lo
echo "nameserver 192.0.2.53" >"$TMPDIR/resolv.conf"
mount --bind "$TMPDIR/resolv.conf" /etc/resolv.conf
mkfifo "$TMPDIR/ready"
"$node" "$(dirname "$0")/world.ts" >"$TMPDIR/ready" &
read -r _ <"$TMPDIR/ready"
exec "$@"
