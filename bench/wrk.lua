-- For wrk: what BENCH_KIND asks for, and one RESULT line at the end:
-- requests, seconds, p50 and p99 in microseconds, answers that are not 2xx or 3xx, socket errors.
local kind = os.getenv("BENCH_KIND")

if kind == "get" then -- one of the first thousand rows
  function init() math.randomseed(os.time()) end
  function request() return wrk.format("GET", wrk.path .. "/" .. math.random(1, 1000)) end
elseif kind == "insert" then
  local n = 0
  wrk.headers["Content-Type"] = "application/json"
  function request()
    n = n + 1
    return wrk.format("POST", wrk.path, nil, string.format(
      '{"name":"item new","description":"inserted by the benchmark","price":"12.50","quantity":%d}', n % 500))
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %.3f %.0f %.0f %d %d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
