#!/usr/bin/env bash
# Rows over HTTP: the gateway (crud.yaml) beside programs that do only that, on one table,
# taking turns. README.md says what the figures mean.
#   CRUD=FOLDER bench/crud.sh [STORE...]     stores: postgres sqlite; both when none is named
# CRUD is the folder with the program `limit`, `run.py` and `fixture.sql`.
# Knobs: TURNS (5), DUR (2, seconds), GATEWAY and LIMIT (binaries; built when unset), POCKETBASE (a
# binary; left out when unset), PGHOST and PGPORT (a server that lets user postgres in), PORT (9400, and
# the four after it), KEEP (set: the folder of the run stays), OUT (a file for the raw figures).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CRUD:?the folder of the program limit and run.py}"
export PGHOST=${PGHOST:-127.0.0.1} PGPORT=${PGPORT:-5432} PGUSER=${PGUSER:-postgres} PGDATABASE=gateway_bench_crud
turns=${TURNS:-5} seconds=${DUR:-2} port=${PORT:-9400}
stores=${*:-postgres sqlite}
. "$here/common.sh"
export BENCH_LOCK=${BENCH_LOCK:-$run/lock}

cleanup() {
  [[ " $stores " != *" postgres "* ]] || dropdb --if-exists --force "$PGDATABASE" 2> /dev/null || true
}

build() {
  gateway=$(binary gateway "${GATEWAY:-}" ./cmd/gateway)
  limit=${LIMIT:-$run/limit}
  [ -n "${LIMIT:-}" ] || (cd "$CRUD/limit" &&
    go build -ldflags '-X github.com/ncruces/go-sqlite3/driver.driverName=sqlite3ncr' -o "$limit" .)
}

# serve NAME STORE: starts the gateway on a store and sets pid.
serve() {
  start "$1" env BENCH_LISTEN="127.0.0.1:$2" BENCH_STORE="$3" "$gateway" serve "$here/crud.yaml" --watch=false
  answers "http://127.0.0.1:$2/items/1"
}

# figure STORE TURN NAME PORT PID GET LIST POST [FLAGS...]: one turn of run.py, as lines of JSON.
figure() {
  local store=$1 turn=$2 name=$3 at=$4 of=$5 get=$6 list=$7 post=$8; shift 8
  "$CRUD/run.py" --url "http://127.0.0.1:$at" --name "$store $turn $name" --get "$get" --list "$list" --post "$post" \
    --pid "$of" --pgpid "${postmaster:-0}" -n 1 -d "$seconds" --out "$run/figures" "$@" >&2
}

# alike A B: both must answer with the same columns, or the comparison says nothing.
alike() {
  local a b
  a=$(curl -fsS "$1" | python3 -c 'import json,sys; print(sorted(json.load(sys.stdin)))')
  b=$(curl -fsS "$2" | python3 -c 'import json,sys; print(sorted(json.load(sys.stdin)))')
  [ "$a" = "$b" ] || { say "$1 and $2 answer otherwise: $a $b"; exit 1; }
}

floor() { # pgbench, without HTTP
  local kind file
  for kind in get list insert; do
    file=$CRUD/pgbench-$kind.sql
    pgbench -n -M prepared -c 16 -j 2 -T "$seconds" -f "$file" 2> /dev/null |
      awk -v name="postgres $1 pgbench" -v kind="${kind/insert/post}" \
        '/^tps/ { printf "{\"name\": \"%s\", \"kind\": \"%s\", \"rps\": %.1f, \"cpu_us\": 0, \"pg_us\": 0, \"p50\": 0, \"p99\": 0, \"errors\": 0}\n", name, kind, $3 }' >> "$run/figures"
  done
}

on_postgres() {
  local at=$port limit_pid turn
  postmaster=$(psql -d postgres -Atc "select split_part(pg_read_file('postmaster.pid'), E'\n', 1)")
  createdb "$PGDATABASE"
  psql -q -f "$CRUD/fixture.sql" -c 'create table items_ins (like items including all)' \
    -c 'create view naps as select id, name, pg_sleep(0.3)::text as nap from items limit 1' > /dev/null
  local url="postgres://$PGUSER@$PGHOST:$PGPORT/$PGDATABASE?sslmode=disable"
  start limit "$limit" -db pg -dsn "$url" -conns 8 -addr "127.0.0.1:$at"; limit_pid=$pid
  answers "http://127.0.0.1:$at/pipe/items/1"
  serve gateway $((at + 1)) "$url"
  alike "http://127.0.0.1:$at/pipe/items/1" "http://127.0.0.1:$((at + 1))/items/1"
  for turn in $(seq "$turns"); do
    floor "$turn"
    figure postgres "$turn" raw "$at" "$limit_pid" /raw/items /raw/items /raw/items
    figure postgres "$turn" gateway $((at + 1)) "$pid" /items '/items?limit=20&offset=100' /items_ins
    figure postgres "$turn" pipe "$at" "$limit_pid" /pipe/items /pipe/items /pipe/items
  done
  beside_slow postgres $((at + 1)) "$pid"
}

on_sqlite() {
  local at=$((port + 2)) limit_pid gateway_pid turn
  postmaster=0
  start limit-sqlite "$limit" -db zombiezen -dsn "$run/limit.db" -conns 4 -addr "127.0.0.1:$at"; limit_pid=$pid
  answers "http://127.0.0.1:$at/ll/items/1"
  python3 - "$run/limit.db" "$run/crud.db" <<'PYTHON'
import sqlite3, sys
a, b = map(sqlite3.connect, sys.argv[1:])
a.backup(b)
b.execute("update items set created_at = replace(created_at, 'Z', '000Z')") # the form that the gateway writes
b.execute("create view naps as with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select 1 as id, max(i) as nap from n")
b.commit()
PYTHON
  serve gateway-sqlite $((at + 1)) "sqlite:$run/crud.db"; gateway_pid=$pid
  alike "http://127.0.0.1:$at/ll/items/1" "http://127.0.0.1:$((at + 1))/items/1"
  pocketbase $((at + 2))
  for turn in $(seq "$turns"); do
    figure sqlite "$turn" ll "$at" "$limit_pid" /ll/items /ll/items /ll/items
    figure sqlite "$turn" gateway $((at + 1)) "$gateway_pid" /items '/items?limit=20&offset=100' /items_ins
    figure sqlite "$turn" json "$at" "$limit_pid" /json/items /json/items /json/items
    [ -z "${POCKETBASE:-}" ] ||
      figure sqlite "$turn" pocketbase $((at + 2)) "$pocketbase_pid" "$records" "$records?perPage=20&page=6&skipTotal=1" "/api/collections/items_ins/records" --idfmt /item%011d
  done
  beside_slow sqlite $((at + 1)) "$gateway_pid"
}

# beside_slow STORE PORT PID: the gateway's requests alone, while a view is read that takes
# long, while a filter without an index reads a whole table, and while a program that is not
# the gateway does such a thing: what the machine itself does to them.
beside_slow() {
  local turn slow
  for turn in $(seq "$turns"); do
    for slow in alone naps scan outside; do
      [ "$slow" = alone ] || "slow_$slow" "$@"
      figure "$1" "$turn" "beside-$slow" "$2" "$3" /items '/items?limit=20&offset=100' /items_ins -c 8
      [ "$slow" = alone ] || { kill "$pid"; wait "$pid" 2> /dev/null || true; }
      curl -fsS -o /dev/null -m 60 "http://127.0.0.1:$2/naps" # those that are under way end first
    done
  done
}

slow_naps() { start slow wrk -t1 -c2 -d600s --timeout 10s "http://127.0.0.1:$2/naps"; }
slow_scan() { start slow wrk -t1 -c1 -d600s --timeout 10s "http://127.0.0.1:$2/items?description=like.*nothing*"; }

slow_outside() {
  if [ "$1" = postgres ]; then
    echo "select * from items where description like '%nothing%'" > "$run/scan.sql"
    start slow pgbench -n -c 1 -T 600 -f "$run/scan.sql"
  else
    start slow python3 -c "import sqlite3
while True: sqlite3.connect(':memory:').execute('with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select max(i) from n').fetchall()"
  fi
}

# pocketbase PORT: makes the two collections by its API and fills one from the table.
pocketbase() {
  [ -n "${POCKETBASE:-}" ] || return 0
  local base="http://127.0.0.1:$1" token name
  records=/api/collections/items/records
  "$POCKETBASE" superuser upsert bench@example.com bench-bench --dir "$run/pb" > "$run/pocketbase.log" 2>&1
  start pocketbase "$POCKETBASE" serve --http "127.0.0.1:$1" --dir "$run/pb"; pocketbase_pid=$pid
  answers "$base/api/health"
  token=$(curl -fsS "$base/api/collections/_superusers/auth-with-password" -d identity=bench@example.com -d password=bench-bench |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["token"])')
  for name in items items_ins; do
    curl -fsS -o /dev/null "$base/api/collections" -H "Authorization: $token" -H 'Content-Type: application/json' -d '{"name": "'$name'", "type": "base",
      "listRule": "", "viewRule": "", "createRule": "", "fields": [{"name": "name", "type": "text", "required": true},
      {"name": "description", "type": "text"}, {"name": "price", "type": "number"}, {"name": "quantity", "type": "number"},
      {"name": "active", "type": "bool"}, {"name": "owner_id", "type": "number"}, {"name": "created_at", "type": "autodate", "onCreate": true}]}'
  done
  python3 - "$run/crud.db" "$run/pb/data.db" <<'PYTHON'
import sqlite3, sys
ours, theirs = map(sqlite3.connect, sys.argv[1:])
rows = ours.execute("select 'item' || substr('0000000000' || id, -11), name, description, price, quantity, active, owner_id, replace(created_at, 'T', ' ') from items")
theirs.executemany("insert into items (id, name, description, price, quantity, active, owner_id, created_at) values (?,?,?,?,?,?,?,?)", rows)
theirs.commit()
PYTHON
}

# table: medians of the turns. A ratio is the median of each turn's own; for `best limit`, to
# the better of the two limits of that turn.
table() {
  python3 - "$run/figures" <<'PYTHON'
import json, statistics, sys
turns = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    store, turn, side = r["name"].split()
    turns.setdefault((store, r["kind"]), {}).setdefault(side, {})[turn] = r
print("| store | request | side | req/s | p50 / p99 ms | CPU µs/req, database's | gateway's req/s to it | its CPU to the gateway's | errors |")
print("|---|---|---|--:|--:|--:|--:|--:|--:|")
median = lambda rows, k: statistics.median(r[k] for r in rows)
for (store, kind), sides in turns.items():
    ours, limits = sides["gateway"], [s for s in sides if s in ("raw", "pipe", "ll", "json")]
    for side, rows in sides.items():
        if side.startswith("beside-"): continue
        cpu = lambda r: r["cpu_us"] + r["pg_us"]
        less = statistics.median(cpu(rows[t]) / cpu(ours[t]) for t in rows)
        ratio = statistics.median(ours[t]["rps"] / rows[t]["rps"] for t in rows)
        v = list(rows.values())
        print(f'| {store} | {kind} | {side} | {median(v, "rps"):.0f} | {median(v, "p50"):.2f} / {median(v, "p99"):.2f} | '
              f'{median(v, "cpu_us"):.1f}, {median(v, "pg_us"):.1f} | {ratio:.2f} | {less:.2f} | {sum(r["errors"] for r in v)} |')
    best = statistics.median(ours[t]["rps"] / max(sides[s][t]["rps"] for s in limits) for t in ours)
    print(f'| {store} | {kind} | best limit | | | | **{best:.2f}** | | |')
print("\n| store | request, 8 connections | p99 ms alone | beside a slow view | beside a scan | beside another program |\n|---|---|--:|--:|--:|--:|")
for (store, kind), sides in turns.items():
    p99 = [median(sides["beside-" + s].values(), "p99") for s in ("alone", "naps", "scan", "outside")]
    print(f"| {store} | {kind} | {p99[0]:.2f} | {p99[1]:.2f} | {p99[2]:.2f} | {p99[3]:.2f} |")
PYTHON
}

build
echo "$(uname -m), $(nproc) processors, wrk -t2 -c64, $turns turns of ${seconds}s, load average before: $(cut -d' ' -f1-3 /proc/loadavg)"
for store in $stores; do "on_$store"; done
table
[ -z "${OUT:-}" ] || cp "$run/figures" "$OUT"
