#!/bin/sh
# Runs a command with GATEWAY_TEST_POSTGRES naming a Postgres server on which tests may
# create databases: the one already named, else one on 127.0.0.1:5432 that lets the user
# postgres in, else one of its own on a free port, which is stopped and removed at the end.
#
#   scripts/with-postgres.sh go test ./pkg/store/...
set -eu

answers() {
	PGCONNECT_TIMEOUT=3 psql --no-password --quiet --tuples-only --command "select 1" "$1" >/dev/null 2>&1
}

# tool NAME: where a program of the Postgres server is. Debian keeps them off PATH.
tool() {
	command -v "$1" 2>/dev/null && return
	for path in $(ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -rV); do
		echo "$path"
		return
	done
	return 1
}

if [ -n "${GATEWAY_TEST_POSTGRES:-}" ]; then
	exec "$@"
fi

usual="postgres://postgres@127.0.0.1:5432/postgres"
if command -v psql >/dev/null 2>&1 && answers "$usual"; then
	GATEWAY_TEST_POSTGRES="$usual" exec "$@"
fi

if ! tool initdb >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "with-postgres: installing postgresql"
	apt-get install -y -q --no-install-recommends postgresql >/dev/null || {
		apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends postgresql >/dev/null
	} || true
fi
initdb=$(tool initdb) && pg_ctl=$(tool pg_ctl) || {
	echo "with-postgres: there is no Postgres: set GATEWAY_TEST_POSTGRES to the URL of one, or install it (Debian: apt-get install postgresql)" >&2
	exit 1
}

dir=$(mktemp -d)
as="" # the server refuses to run as root
if [ "$(id -u)" = 0 ]; then
	user=postgres
	id "$user" >/dev/null 2>&1 || user=nobody
	chown "$user" "$dir"
	as="runuser -u $user --"
fi
finish() {
	(cd / && $as "$pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1) || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -c fsync=off"
(
	cd /
	$as "$initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync >/dev/null
	$as "$pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "$options" start >/dev/null
) || {
	echo "with-postgres: an own Postgres did not start:" >&2
	cat "$dir/log" >&2 2>/dev/null || true
	exit 1
}
echo "with-postgres: an own Postgres on port $port"
GATEWAY_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres" "$@"
