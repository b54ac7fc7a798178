#!/bin/sh
# Fuzzes: scripts/fuzz.sh TIME [PACKAGE TARGET]... Without pairs, every fuzz target.
set -eu
cd "$(dirname "$0")/.."

time=$1
shift
if [ $# -eq 0 ]; then
	set -- $(grep -rn --include='*_test.go' '^func Fuzz' bench cmd pkg internal |
		sed -E 's#^(.*)/[^/]+_test\.go:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*#./\1 \2#')
fi
while [ $# -gt 1 ]; do
	echo "fuzz $2 in $1 for $time"
	go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 200x "$1"
	shift 2
done
