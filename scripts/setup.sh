#!/bin/sh
# Installs what the tests need, or says what is missing. As root on Debian it installs by
# apt-get; anywhere else it only looks.
set -eu
cd "$(dirname "$0")/.."

missing=""

# have COMMAND: looks in the path, and where Debian has servers, which is not in everybody's.
have() {
	command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/usr/local/sbin/$1" ]
}

# need COMMAND PACKAGE WHY: looks for a command, installs its package where it may.
need() {
	if have "$1"; then
		return
	fi
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		echo "setup: installing $2 ($3)"
		apt-get install -y -q --no-install-recommends "$2" >/dev/null || {
			apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends "$2" >/dev/null
		} || true
	fi
	have "$1" || missing="$missing
  $1  ($3; Debian: apt-get install $2)"
}

# packages FOLDER: installs npm packages exactly as its package-lock.json names them.
packages() {
	if [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]; then
		return
	fi
	echo "setup: npm ci in $1"
	(cd "$1" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error && touch node_modules/.package-lock.json)
}

need go golang "Go 1.26 or later"
need gcc gcc "the race detector links with it"
need node nodejs "the Phoenix client and the JSON Schema judge run under it"
need npm npm "installs what the tests use from npm"
need curl curl "runs the commands of the READMEs"
need nats-server nats-server "several nodes reach each other over it"
[ -n "${GATEWAY_TEST_CHROMIUM:-}" ] || need chromium chromium "the browser tests drive it"

if [ -n "$missing" ]; then
	echo "setup: the tests need what is not here:$missing" >&2
	exit 1
fi

packages test
packages pkg/channels/testdata/client
