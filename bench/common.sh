# shellcheck shell=bash
# What the load scripts share; they source it. A script sets `here`, its own folder, before.
# Each run has a folder, $run, which KEEP keeps.
run=$(mktemp -d)
pids=()

say() { echo "$*" >&2; }

# stop ends what start started, and nothing else.
stop() {
  local p
  for p in "${pids[@]}"; do kill "$p" 2> /dev/null || true; done
  for p in "${pids[@]}"; do wait "$p" 2> /dev/null || true; done
  pids=()
}

# cleanup is where a script says what else is to go at the end.
cleanup() { :; }

finish() {
  stop
  cleanup
  if [ -z "${KEEP:-}" ]; then rm -rf "$run"; else say "kept: $run"; fi
}
trap finish EXIT; trap 'exit 130' INT TERM

# needs COMMAND...: says which package has what is missing.
needs() {
  local c
  for c in "$@"; do
    command -v "$c" > /dev/null || { say "missing: $c (Debian: apt-get install $c)"; exit 1; }
  done
}

# start NAME COMMAND...: sets pid.
start() {
  local name=$1; shift
  (cd "$run" && exec "$@") > "$run/$name.log" 2>&1 < /dev/null & pid=$!
  pids+=("$pid")
}

# answers URL: waits until a server does, 30 s at most.
answers() {
  local i
  for i in $(seq 600); do
    curl -fsS -o /dev/null -m 1 "$1" 2> /dev/null && return
    sleep 0.05
  done
  say "no answer from $1"; tail -n 20 "$run"/*.log >&2; exit 1
}

# binary NAME GIVEN PACKAGE: the path of a program: the given one, or built as it is for users.
binary() {
  if [ -n "$2" ]; then echo "$2"; return; fi
  (cd "$here/.." && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$run/$1" "$3")
  echo "$run/$1"
}
