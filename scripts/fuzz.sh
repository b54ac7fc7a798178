#!/bin/sh
# Fuzzes: scripts/fuzz.sh TIME [PACKAGE TARGET]... Without pairs, every fuzz target. As many
# targets side by side as there are processors, with one worker each: most of a short
# fuzzing is its beginning, which is not parallel.
set -eu
cd "$(dirname "$0")/.."

time=$1
shift
if [ $# -eq 0 ]; then
	set -- $(grep -rn --include='*_test.go' '^func Fuzz' bench cmd pkg internal |
		sed -E 's#^(.*)/[^/]+_test\.go:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*#./\1 \2#')
fi
export FUZZ_TIME="$time"
printf '%s\n' "$@" | xargs -n 2 -P "$(getconf _NPROCESSORS_ONLN)" scripts/fuzz-one.sh
