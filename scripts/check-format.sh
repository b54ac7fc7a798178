#!/bin/sh
# Fails when a Go file is not formatted as gofmt does.
set -eu
cd "$(dirname "$0")/.."

odd=$(gofmt -l bench cmd docs examples internal pkg)
if [ -n "$odd" ]; then
	echo "not formatted (run gofmt -w on them):" >&2
	echo "$odd" >&2
	exit 1
fi
