#!/usr/bin/env bash
# Holds the gateway's channels against a bare gorilla server (barews/), both in one run and
# taking turns, and says which bounds hold. README.md says what the figures mean.
#   bench/channels.sh [LOAD...]    loads: idle echo fanout1 fanout4 fanout10k presence; all when none is named
# Knobs: SECONDS_EACH (4), WARM (1s), REPEATS (5), IDLE_CONNS (10000), IDLE_SECONDS (15), LOOPS (1: of the
# generator), GATEWAY and BARE (binaries; built when unset), PORT (9304, and the next one), KEEP (set:
# the folder of the run stays). Exits with 1 when a bound does not hold or wsload found a fault.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${SECONDS_EACH:-4} warm=${WARM:-1s} repeats=${REPEATS:-5} port=${PORT:-9304}
idle_conns=${IDLE_CONNS:-10000} idle_seconds=${IDLE_SECONDS:-15} loops=${LOOPS:-1}
loads=${*:-idle echo fanout1 fanout4 fanout10k presence}
bare_at=127.0.0.1:$port gateway_at=127.0.0.1:$((port + 1))
faults=0
. "$here/common.sh"

# side NAME: starts it, and sets pid and url.
side() {
  local at command
  if [ "$1" = bare ]; then at=$bare_at; command=("$bare" -listen "$at"); else
    at=$gateway_at; command=(env BENCH_LISTEN="$at" BENCH_FILES="$run/files" BENCH_STORE="sqlite:$run/bench.db" "$gateway" serve app.yaml --dev --watch=false)
  fi
  start "$1" "${command[@]}"
  url="ws://$at/socket/websocket?vsn=2.0.0"
  answers "http://$at/hello"
}

prepare() {
  needs curl
  mkdir "$run/files"
  (cd "$here/.." && go build -o "$run/wsload" ./bench/wsload)
  bare=$(binary barews "${BARE:-}" ./bench/barews)
  gateway=$(binary gateway "${GATEWAY:-}" ./cmd/gateway)
  cp "$here/gateway.yaml" "$run/app.yaml"
  touch "$run/figures"
}

# load LOAD SIDE: one turn. Writes lines "load measure side figure" to figures.
load() {
  local flags
  case $1 in
    idle) flags="idle -conns $idle_conns -for ${idle_seconds}s" ;;
    echo) flags="echo -conns 100 -window 8 -for ${seconds}s -warm $warm" ;;
    fanout1) flags="fanout -conns 1000 -window 1 -for ${seconds}s -warm $warm" ;;
    fanout4) flags="fanout -conns 1000 -window 4 -for ${seconds}s -warm $warm" ;;
    fanout10k) flags="fanout -conns 10000 -window 1 -for ${seconds}s -warm $warm" ;;
    presence) flags="presence -conns 500" ;;
    *) say "there is no load $1"; exit 1 ;;
  esac
  side "$2"
  # shellcheck disable=SC2086 # the flags are words
  "$run/wsload" $flags -loops "$loops" -url "$url" -pid "$pid" > "$run/ws.json" 2> "$run/ws.err" ||
    { faults=1; say "$1, $2: wsload found a fault: $(cat "$run/ws.err" "$run/ws.json")"; }
  stop
  echo "$1 $2 $(cat "$run/ws.json")" >> "$run/raw"
  awk -v name="$1" -v side="$2" '
  function of(key) { return match($0, "\"" key "\":-?[0-9.e+-]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0 : 0 }
  function line(measure, figure) { printf "%s %s %s %.4f\n", name, measure, side, figure }
  name == "idle" { line("bytes", of("server_rss_per_conn")); line("MB", of("server_rss_after") / 1048576) }
  name == "presence" { line("s", of("seconds")); line("frames", of("frames")); next }
  of("count") > 0 { line("cpu", of("server_cpu_s") * 1e6 / of("count")) }
  name ~ /^fanout/ { line("last", of("all_delivered_p99_ms")) }
  { line("other", of("other_cpu_s") / of("seconds")) }' "$run/ws.json" >> "$run/figures"
}

# turns LOAD: both sides, again and again; who begins changes, for what a machine does in
# between is not the same for the first and the second.
turns() {
  local turn sides
  for turn in $(seq "$repeats"); do
    sides="bare gateway"
    [ $((turn % 2)) = 1 ] || sides="gateway bare"
    [ "$1" != presence ] || sides=gateway
    for side in $sides; do load "$1" "$side"; done
  done
  say "$1: done"
}

# table: medians of the turns; the ratio is the median of each turn's own.
table() {
  echo
  echo "| load | measure | bare | gateway | ratio | quartiles | bound | holds |"
  echo "|---|---|--:|--:|--:|--:|--:|---|"
  awk -v idle="$idle_conns" '
  function sorted(list, a, n, i, j, t) {
    n = split(list, a, " ")
    for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] + 0 < a[j-1] + 0; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
    return n
  }
  function part(list, q, a, n, at, low) { # the quantile q, between the two nearest
    n = sorted(list, a); at = 1 + (n - 1) * q; low = int(at)
    return low == n ? a[n] : a[low] + (a[low+1] - a[low]) * (at - low)
  }
  function median(list) { return part(list, 0.5) }
  function row(name, measure, title, unit, form, bound, of, r, b) {
    if (!((name, measure, "gateway") in all)) return
    b = (name, measure, "bare") in all ? sprintf(form, median(all[name, measure, "bare"])) : "-"
    r = ratios[name, measure]; of = r != "" ? median(r) : median(all[name, measure, "gateway"])
    printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", title, unit, b, sprintf(form, median(all[name, measure, "gateway"])),
      r != "" ? sprintf("%.2f", of) : "-", r != "" ? sprintf("%.2f-%.2f", part(r, 0.25), part(r, 0.75)) : "-",
      bound ? bound : "-", bound ? (of <= bound ? "yes" : "NO") : ""
    if (bound && of > bound) broken = 1
  }
  {
    n = ++seen[$1, $2, $3]; value[$1, $2, $3, n] = $4; all[$1, $2, $3] = all[$1, $2, $3] " " $4
    o = $3 == "bare" ? "gateway" : "bare"
    if (($1, $2, o, n) in value && value[$1, $2, "bare", n] > 0)
      ratios[$1, $2] = ratios[$1, $2] " " value[$1, $2, "gateway", n] / value[$1, $2, "bare", n]
  }
  END {
    row("idle", "bytes", idle " idle, joined", "RSS bytes each", "%d", 1.3)
    row("idle", "MB", "", "RSS MB of the process", "%.1f")
    row("echo", "cpu", "echo, 100 connections, 8 in flight", "CPU µs a message", "%.2f", 1.8)
    row("fanout1", "cpu", "fan-out to 1,000, window 1", "CPU µs a delivery", "%.2f", 1.3)
    row("fanout1", "last", "", "p99 of the last, ms", "%.1f")
    row("fanout4", "cpu", "fan-out to 1,000, window 4", "CPU µs a delivery", "%.2f", 1.3)
    row("fanout4", "last", "", "p99 of the last, ms", "%.1f")
    row("fanout10k", "last", "fan-out to 10,000, window 1", "p99 of the last, ms", "%.1f", 1.4)
    row("fanout10k", "cpu", "", "CPU µs a delivery", "%.2f")
    row("presence", "s", "presence, 500 joins on one topic", "s until all know all", "%.3f", 0.5)
    row("presence", "frames", "", "frames", "%d", 10000)
    for (k in all) { split(k, of, SUBSEP); if (of[2] == "other") busy = busy sprintf(" %s %s %.2f;", of[1], of[3], median(all[k])) }
    print "\nprocessors that other work took, of each load and side:" busy
    exit broken
  }' "$run/figures"
}

prepare
for l in $loads; do # before anything is measured
  [[ " idle echo fanout1 fanout4 fanout10k presence " == *" $l "* ]] || { say "there is no load $l"; exit 1; }
done
echo "$(uname -m), $(nproc) processors, $(cd "$here/.." && go env GOVERSION), $repeats turns of ${seconds}s, load average before: $(cut -d' ' -f1-3 /proc/loadavg)"
for l in $loads; do turns "$l"; done
status=0
table || status=1
exit $((status | faults))
