//go:build linux

// Command wsload puts load on a server that speaks the Phoenix channel
// protocol (serializer version 2.0.0, JSON), and says what it took.
//
//	wsload idle     -conns 10000 -pid PID     memory per quiet connection
//	wsload echo     -conns 100 -window 4      replies per second and latency
//	wsload fanout   -conns 1000 -topics 1     deliveries per second and latency
//	wsload presence -conns 500                time until everybody knows everybody
//	wsload stall    -conns 1000 -window 4     fanout without and with a member that reads nothing
//
// The server needs a channel on room:* whose "echo" event replies with status
// ok and the payload it got, and whose "new_msg" event broadcasts its payload
// to the topic; and a channel on lobby:* that tracks the "user" join parameter
// as the presence key and sends presence_state after the join.
//
// The result is one JSON object on standard output. count and per_second are
// replies (echo), deliveries (fanout, stall), or presence messages (presence);
// latencies run from just before a message is written to just after the read
// that brought it back.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	modes := map[string]func(context.Context, config) (result, error){
		"idle": runIdle, "echo": runEcho, "fanout": runFanout, "presence": runPresence, "stall": runStall,
	}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: wsload idle|echo|fanout|presence|stall [flags]")
		os.Exit(2)
	}
	cfg, err := parseFlags(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "wsload:", err)
		os.Exit(2)
	}
	raiseFileLimit(cfg.conns)
	debug.SetGCPercent(400)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := modes[os.Args[1]](ctx, cfg)
	_ = json.NewEncoder(os.Stdout).Encode(r)
	if err == nil && (r.Dropped > 0 || r.Bad > 0 || r.Unfinished > 0) {
		err = fmt.Errorf("%d connections lost, %d bad messages, %d unfinished", r.Dropped, r.Bad, r.Unfinished)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wsload:", err)
		os.Exit(1)
	}
}

func parseFlags(mode string, args []string) (cfg config, err error) {
	def := map[string]struct {
		conns, window int
		warm, run     time.Duration
	}{
		"idle":     {10000, 0, 0, 10 * time.Second},
		"echo":     {100, 4, 2 * time.Second, 10 * time.Second},
		"fanout":   {1000, 4, 2 * time.Second, 10 * time.Second},
		"presence": {500, 0, 0, 0},
		"stall":    {1000, 4, time.Second, 12 * time.Second}, // the gateway waits for 10 s
	}[mode]
	fs := flag.NewFlagSet("wsload "+mode, flag.ExitOnError)
	fs.StringVar(&cfg.url, "url", "ws://127.0.0.1:4000/socket/websocket?vsn=2.0.0", "socket of the server, by IPv4 address")
	fs.IntVar(&cfg.pid, "pid", 0, "process id of the server, to read its memory and CPU time")
	fs.IntVar(&cfg.conns, "conns", def.conns, "connections (fanout, stall: subscribers in all topics together)")
	fs.IntVar(&cfg.topics, "topics", 1, "fanout: topics the subscribers are spread over, each with a publisher")
	fs.IntVar(&cfg.window, "window", def.window, "pushes in flight (echo: per connection; fanout, stall: per topic)")
	fs.IntVar(&cfg.size, "size", 32, "bytes of filler in each message")
	fs.BoolVar(&cfg.shared, "shared", false, "idle: join one topic together instead of one each")
	fs.DurationVar(&cfg.warm, "warm", def.warm, "load before the measurement")
	fs.DurationVar(&cfg.duration, "for", def.run, "time measured (idle: time held)")
	fs.DurationVar(&cfg.timeout, "timeout", 60*time.Second, "how long to wait for the last deliveries")
	fs.IntVar(&cfg.loops, "loops", 1, "epoll loops of the generator")
	fs.IntVar(&cfg.dialers, "dialers", 32, "connections opened at a time")
	fs.IntVar(&cfg.sources, "sources", 20, "source addresses from 127.0.0.1 on, when the server is on 127.x")
	fs.StringVar(&cfg.room, "room", "room:", "topic prefix of the echo and broadcast channel")
	fs.StringVar(&cfg.lobby, "lobby", "lobby:", "topic prefix of the channel with presence")
	_ = fs.Parse(args)
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case cfg.conns < 1 || cfg.loops < 1 || cfg.dialers < 1:
		err = fmt.Errorf("-conns, -loops and -dialers must be at least 1")
	case cfg.topics < 1 || cfg.topics > cfg.conns:
		err = fmt.Errorf("-topics must be between 1 and -conns")
	case cfg.sources < 1 || cfg.sources > 254:
		err = fmt.Errorf("-sources must be between 1 and 254")
	case cfg.topics != 1 && mode == "stall":
		err = fmt.Errorf("stall is about one topic")
	case cfg.window < 1 && (mode == "echo" || mode == "fanout" || mode == "stall"):
		err = fmt.Errorf("-window must be at least 1")
	}
	return cfg, err
}

// raiseFileLimit asks for as many descriptors as the run needs, and says so
// if the machine does not give them.
func raiseFileLimit(conns int) {
	need := uint64(conns) + 100
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil || lim.Cur >= need {
		return
	}
	want := syscall.Rlimit{Cur: need, Max: max(need, lim.Max)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want); err != nil {
		fmt.Fprintf(os.Stderr, "wsload: %d open files are needed and %d allowed: %v\n", need, lim.Max, err)
		os.Exit(1)
	}
}
