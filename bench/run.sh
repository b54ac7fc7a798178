#!/usr/bin/env bash
# Runs every load on the gateway and on the bare limit in one go, interleaved, and prints
# tables. README.md says what the figures mean.
#   bench/run.sh [LOAD...]     loads: param hello proxy static rows channels; all when none is named
# Knobs: SECONDS_EACH (4), REPEATS (5), CONNECTIONS (64), GATEWAY (a binary; built when unset),
# PORT (9300, and the three after it), KEEP (set: the folder of the run stays).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH="$PATH:/usr/sbin"
seconds=${SECONDS_EACH:-4} repeats=${REPEATS:-5} connections=${CONNECTIONS:-64} port=${PORT:-9300}
loads=${*:-param hello proxy static rows channels}
bare_at=127.0.0.1:$port gateway_at=127.0.0.1:$((port + 1)) upstream_at=127.0.0.1:$((port + 2))
. "$here/common.sh"

has() { command -v "$1" > /dev/null; }
wants() { [[ " $loads " == *" $1 "* ]]; }

prepare() {
  needs wrk curl
  mkdir "$run/bin" "$run/files"
  (cd "$here/.." && go build -o "$run/bin/" ./bench/bare ./bench/wsload)
  gateway=$(binary gateway "${GATEWAY:-}" ./cmd/gateway)
  body='{"id":42,"name":"widget","pad":"'$(printf 'x%.0s' $(seq 1 990))'"}'
  printf '%s' "$body" > "$run/files/1k.json"
  cp "$here/gateway.yaml" "$run/app.yaml"
}

# serve starts both sides, and the upstream when a load needs it.
serve() {
  if wants proxy && ! command -v nginx > /dev/null; then
    say "proxy: left out, for there is no nginx (Debian: apt-get install nginx)"; loads=${loads/proxy/}
  fi
  if wants proxy; then
    sed -e "s|@RUN@|$run|g" -e "s|@PORT@|${upstream_at#*:}|" -e "s|@BODY@|$body|" "$here/nginx.conf.in" > "$run/nginx.conf"
    start nginx nginx -p "$run" -e "$run/nginx.err" -c "$run/nginx.conf"
    answers "http://$upstream_at/1k.json"
  fi
  start bare "$run/bin/bare" -listen "$bare_at" -upstream "$upstream_at" -static "$run/files"; bare_pid=$pid
  # --dev makes the table of the rows; nothing else of it is on.
  start gateway env BENCH_LISTEN="$gateway_at" BENCH_UPSTREAM="http://$upstream_at" BENCH_FILES="$run/files" BENCH_STORE="sqlite:$run/bench.db" \
    "$gateway" serve app.yaml --dev --watch=false; gateway_pid=$pid
  answers "http://$bare_at/hello"; answers "http://$gateway_at/hello"
}

# cpu PID: µs on a processor so far (proc(5): utime and stime of /proc/PID/stat, in ticks).
cpu() {
  local line; line=$(< "/proc/$1/stat"); set -- ${line##*) }
  echo $(( (${12} + ${13}) * 1000000 / $(getconf CLK_TCK) ))
}

# measure PID URL KIND: prints "req/s, CPU µs a request, p50 ms, p99 ms, errors".
measure() {
  local before after result
  before=$(cpu "$1")
  result=$(BENCH_KIND=$3 wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$here/wrk.lua" "$2" | grep '^RESULT')
  after=$(cpu "$1")
  set -- $result
  awk -v n="$2" -v s="$3" -v p50="$4" -v p99="$5" -v e="$(($6 + $7))" -v us=$((after - before)) \
    'BEGIN { printf "%.0f %.2f %.2f %.2f %d\n", n / s, us / (n > 0 ? n : 1), p50 / 1000, p99 / 1000, e }'
}

# pair LOAD PATH: bare and gateway one after the other, again and again.
pair() {
  local turn side
  for side in "$bare_at" "$gateway_at"; do
    [ "$(curl -s -o "$run/answer" -w '%{http_code}' "http://$side$2")" = 200 ] || { say "$1: http://$side$2 does not answer 200"; exit 1; }
    cp "$run/answer" "$run/answer.${side##*:}"
    BENCH_KIND= wrk -t1 -c"$connections" -d1s "http://$side$2" > /dev/null
  done
  cmp -s "$run/answer.$port" "$run/answer.$((port + 1))" || { say "$1: the answers differ"; exit 1; }
  for turn in $(seq "$repeats"); do
    echo "$1 $turn bare $(measure "$bare_pid" "http://$bare_at$2" "")" >> "$run/figures"
    echo "$1 $turn gateway $(measure "$gateway_pid" "http://$gateway_at$2" "")" >> "$run/figures"
  done
  say "$1: done"
}

# alone LOAD PATH KIND: a load that the bare limit does not have.
alone() {
  local turn
  BENCH_KIND=$3 wrk -t1 -c"$connections" -d1s -s "$here/wrk.lua" "http://$gateway_at$2" > /dev/null
  for turn in $(seq "$repeats"); do
    echo "$1 $turn gateway $(measure "$gateway_pid" "http://$gateway_at$2" "$3")" >> "$run/figures"
  done
  say "$1: done"
}

# table: medians of the turns. The ratio is the median of each turn's own, for both sides of
# a turn ran within seconds of each other.
table() {
  echo
  echo "| load | side | req/s | p50 / p99 ms | CPU µs/req | ratio to bare | errors |"
  echo "|---|---|--:|--:|--:|--:|--:|"
  awk '
  function median(list, a, n, i, j, t) {
    n = split(list, a, " ")
    for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] + 0 < a[j-1] + 0; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
  }
  {
    k = $1 SUBSEP $3
    if (!(k in rate)) order[++rows] = k
    rate[k] = rate[k] " " $4; used[k] = used[k] " " $5; p50[k] = p50[k] " " $6; p99[k] = p99[k] " " $7; errors[k] += $8
    if ($3 == "bare") limit[$1, $2] = $5
    else if (($1, $2) in limit) ratio[k] = ratio[k] " " $5 / limit[$1, $2]
  }
  END {
    for (i = 1; i <= rows; i++) {
      k = order[i]; split(k, name, SUBSEP)
      r = name[2] == "bare" ? "1" : k in ratio ? sprintf("%.2f", median(ratio[k])) : "-"
      printf "| %s | %s | %d | %.2f / %.2f | %.1f | %s | %d |\n", name[1], name[2], median(rate[k]), median(p50[k]), median(p99[k]), median(used[k]), r, errors[k]
    }
  }' "$run/figures"
}

# channel TITLE MODE FLAGS...: a load of wsload.
channel() {
  local title=$1; shift
  "$run/bin/wsload" "$@" -url "ws://$gateway_at/socket/websocket?vsn=2.0.0" -pid "$gateway_pid" > "$run/ws.json" ||
    say "$title: wsload found a fault: $(cat "$run/ws.json")"
  awk -v title="$title" '
  function of(name, m) { return match($0, "\"" name "\":[0-9.]+") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : 0 }
  {
    n = of("count"); each = rate = "-"
    if (n > 0) { each = sprintf("%.1f", of("server_cpu_s") * 1e6 / n); rate = sprintf("%d", n / of("seconds")) }
    room = $0 ~ /"idle"/ ? sprintf("%d", of("server_rss_per_conn")) : "-"
    faults = of("dropped") + of("bad") + of("unfinished")
    printf "| %s | %s | %.2f / %.2f | %s | %s | %d |\n", title, rate, of("p50_ms"), of("p99_ms"), each, room, faults
  }' "$run/ws.json"
}

channels() {
  echo
  echo "| load | messages/s | p50 / p99 ms | server CPU µs/message | bytes a connection | faults |"
  echo "|---|--:|--:|--:|--:|--:|"
  # Idle first: what later loads free stays with the process and would hold these for nothing.
  channel "idle, 2,000 joined" idle -conns 2000 -for "${seconds}s"
  channel "echo, 100 connections, 1 in flight" echo -conns 100 -window 1 -for "${seconds}s"
  channel "echo, 100 connections, 8 in flight" echo -conns 100 -window 8 -for "${seconds}s"
  channel "fan-out to 1,000, window 1" fanout -conns 1000 -window 1 -for "${seconds}s"
  channel "fan-out to 1,000, window 4" fanout -conns 1000 -window 4 -for "${seconds}s"
  channel "presence, 500 joins on one topic" presence -conns 500
}

prepare
serve
echo "$(uname -m), $(nproc) processors, $(cd "$here/.." && go env GOVERSION), wrk -t1 -c$connections, $repeats turns of ${seconds}s, load average before: $(cut -d' ' -f1-3 /proc/loadavg)"
touch "$run/figures"
if wants param; then pair param /items/42; fi
if wants hello; then pair hello /hello; fi
if wants proxy; then pair proxy /proxy/1k.json; fi
if wants static; then pair static /static/1k.json; fi
if wants rows; then
  alone rows-insert /rows/items insert
  alone rows-get /rows/items get
  alone rows-list-20 "/rows/items?limit=20" ""
fi
[ ! -s "$run/figures" ] || table
if wants channels; then channels; fi
