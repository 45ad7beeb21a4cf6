# A real PostgreSQL of its own on port 5432 of $HOST, gone with the test's folder.
set -e
export PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
data=$(mktemp -d)
chown 65534:65534 "$data"
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --"
cd "$data"
$nobody initdb -D "$data/db" -U postgres -A trust --no-sync -E UTF8 --locale=C >/dev/null
echo "host all all 0.0.0.0/0 trust" >>"$data/db/pg_hba.conf"
exec $nobody postgres -D "$data/db" -p 5432 -c listen_addresses="$HOST" \
  -c unix_socket_directories= -c fsync=off
