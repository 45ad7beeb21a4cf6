# A real MariaDB of its own on port 3306 of $HOST, gone with the test's folder.
set -e
export PATH="$PATH:/usr/sbin"
data=$(mktemp -d)
chown 65534:65534 "$data"
cd "$data"
exec setpriv --reuid=65534 --regid=65534 --clear-groups -- mariadbd --no-defaults \
  --datadir="$data" --socket="$data/socket" --pid-file="$data/pid" --port=3306 \
  --bind-address="$HOST" --skip-grant-tables --skip-networking=OFF --skip-name-resolve \
  --skip-innodb --default-storage-engine=Aria
