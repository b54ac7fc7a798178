#!/bin/sh
# Runs the packages that have tests for builds without the race detector: it empties pools,
# so what an answer allocates cannot be counted with it, and reloads cost ten times as much.
set -eu
cd "$(dirname "$0")/.."

exec go test -timeout 5m $(grep -rl --include='*_test.go' '^//go:build !race' bench cmd pkg |
	xargs -n 1 dirname | sort -u | sed 's#^#./#')
