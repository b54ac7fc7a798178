package observe

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

func goVersion() string { return runtime.Version() }

// A runtimeMetric is one number of Go's, under the name that Prometheus' own client for Go
// gives it, so that dashboards for Go programs work.
type runtimeMetric struct{ from, name, kind, help string }

func runtimeMetrics() []runtimeMetric {
	return []runtimeMetric{
		{"/sched/goroutines:goroutines", "go_goroutines", "gauge", "Goroutines that exist."},
		{"/sched/gomaxprocs:threads", "go_sched_gomaxprocs_threads", "gauge", "Threads that run Go code at a time."},
		{"/memory/classes/heap/objects:bytes", "go_memstats_alloc_bytes", "gauge", "Bytes of the heap that objects take."},
		{"/gc/heap/allocs:bytes", "go_memstats_alloc_bytes_total", "counter", "Bytes that were allocated so far."},
		{"/gc/heap/allocs:objects", "go_memstats_mallocs_total", "counter", "Objects that were allocated so far."},
		{"/gc/heap/frees:objects", "go_memstats_frees_total", "counter", "Objects that were freed so far."},
		{"/gc/heap/goal:bytes", "go_memstats_next_gc_bytes", "gauge", "Size of the heap at which the next collection ends."},
		{"/memory/classes/total:bytes", "go_memstats_sys_bytes", "gauge", "Bytes that were obtained from the system."},
		{"/gc/cycles/total:gc-cycles", "go_gc_cycles_total_gc_cycles_total", "counter", "Collections of garbage that were completed."},
	}
}

func (x *exposition) runtime() {
	list := runtimeMetrics()
	samples := make([]metrics.Sample, len(list))
	for i, m := range list {
		samples[i].Name = m.from
	}
	metrics.Read(samples)
	for i, m := range list {
		if samples[i].Value.Kind() == metrics.KindUint64 { // another Go may not have it
			x.family(m.name, m.kind, m.help)
			x.sample(m.name, float64(samples[i].Value.Uint64()))
		}
	}
	x.family("go_info", "gauge", "The version of Go; always 1.")
	x.sample("go_info", 1, "version", runtime.Version())
}

// clockTicks is how Linux counts the time of a process, on every machine that Go knows.
const clockTicks = 100

// process tells what the system knows of this process, where it has /proc.
func (x *exposition) process(started time.Time) {
	x.gauge("process_start_time_seconds", "When the process started.", seconds(started))
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name may hold spaces
	fields := strings.Fields(after)
	if len(fields) < 22 {
		return
	}
	number := func(i int) float64 { n, _ := strconv.ParseFloat(fields[i-3], 64); return n } // as proc(5) counts them
	x.counter("process_cpu_seconds_total", "Time of processors, in the program and in the system.", (number(14)+number(15))/clockTicks)
	x.gauge("process_virtual_memory_bytes", "Size of the virtual memory.", number(23))
	x.gauge("process_resident_memory_bytes", "Size of the memory that is resident.", number(24)*float64(os.Getpagesize()))
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		x.gauge("process_open_fds", "Files and connections that are open.", float64(len(open)))
	}
}
