// Package channels speaks Phoenix Channels over websockets and long poll, in all its forms:
// the hub that joins connections by topic, on this node and others, and presence. What a socket may do is said by Rules, which come
// from the manifest and are asked anew at each event. The wire follows Phoenix 1.8.
package channels

import (
	"net/http"
	"time"
	"unique"

	"github.com/openmanifest/gateway/pkg/ratelimit"
)

// Rules are what the current manifest says about one socket path. The hub takes them with
// Acquire for each event and gives them back with Release, so that a manifest that was
// replaced is closed only when its last event is over. Methods are called by many
// goroutines at once.
type Rules interface {
	// Acquire notes a use. False means that these rules are closed and others are current.
	Acquire() bool
	// Release ends a use.
	Release()

	Settings() Settings
	// Connect decides about a new connection. A *Refusal chooses the status of the answer;
	// any other error is logged and answered with 403.
	Connect(h *Handshake) (*Identity, error)
	// Fits tells whether these rules can work with the names that an earlier Connect bound.
	// If not the connection is closed with 1012 and comes back.
	Fits(id *Identity) bool
	// Channel gives the rules of the first declared topic that matches.
	Channel(topic string) (Channel, bool)
	// Filter says how members of topic filter event before it is sent to them; nil: they do
	// not. It is asked at each broadcast with locks held: a lookup, nothing that waits.
	Filter(topic, event string) Filter
	// History says how much of what is broadcast to topic is kept for members that come back.
	// It is asked at each broadcast where Settings.History is set, with locks held.
	History(topic string) History
}

// A Filter tells apart members for which the filter of an event comes to different ends.
type Filter interface {
	// Class gives what the outcome of Channel.Out depends on beside the event: of members of
	// one class Out runs for one, and what it pushes goes to all. Such an Out neither waits
	// nor does anything but Push and Stop, and runs with locks held. shared is false where
	// each member's Out has to run. Class is not called while other rules of m run; it has
	// locks held too.
	Class(m *Membership) (class Class, shared bool)
}

// A Class is a text that says all, interned: equal texts are equal classes.
type Class = unique.Handle[string]

// A History says how many of the last broadcasts to a topic are kept, and how long. Without
// a Size nothing is.
type History struct {
	Size int
	TTL  time.Duration
}

// A Channel is the rules for one topic, with what the pattern captured of it. Its methods
// run one at a time for a membership. A panic in one ends that membership alone, with
// `phx_error` (in Join: the reply `join crashed`).
type Channel interface {
	// Fits tells whether these rules can work with what an earlier Join bound. If not the
	// member gets `phx_error` and joins again.
	Fits(m *Membership) bool
	// Join decides about a new member: with no Reply, or Reply("ok", ...), it is in.
	// Reply("error", ...) refuses. It may set m.Names. Push, Broadcast and Track are refused.
	Join(c *Call)
	// AfterJoin runs once the reply of the join is on its way.
	AfterJoin(c *Call)
	// In handles an event of the client. False means that the event is not declared: the
	// client is told so and stays.
	In(c *Call) (declared bool)
	// Out handles an event that has a Filter: what it does not Push is dropped.
	Out(c *Call)
	// Intervals lists the times after which Every is to be called, again and again. It is
	// asked when a member has joined and when rules were replaced.
	Intervals() []time.Duration
	// Every runs what belongs to c.Interval.
	Every(c *Call)
	// Leave runs when the membership has ended, for whatever reason.
	Leave(c *Call)
}

// Settings are the bounds of a socket. Zero fields mean the defaults.
type Settings struct {
	Timeout     time.Duration // nothing received for so long closes with 1001; 60 s
	MaxFrame    int64         // bytes of one message; 1 MB (1,000,000)
	MaxChannels int           // topics joined by one connection; 100
	Origins     Origins       // the zero value refuses every page
	AuthToken   bool          // take a token from Sec-WebSocket-Protocol, or X-Phoenix-AuthToken
	Longpoll    *Longpoll     // nil: websockets alone
	History     bool          // some channel has a History
	Compress    bool          // permessage-deflate, where the client offers it

	// Rate is how often one connection may send in the long run, Burst how often at once:
	// messages of any topic, heartbeats too. Without a Count there is no limit, without a
	// Burst it is the Count. More than that closes with 1008.
	Rate  ratelimit.Rate
	Burst int
}

// The defaults of Settings.
const (
	defaultTimeout     = 60 * time.Second
	defaultMaxFrame    = 1_000_000
	defaultMaxChannels = 100
)

func (s Settings) withDefaults() Settings {
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	if s.MaxFrame <= 0 {
		s.MaxFrame = defaultMaxFrame
	}
	if s.MaxChannels <= 0 {
		s.MaxChannels = defaultMaxChannels
	}
	return s
}

// A Handshake is what a connect decision gets to know.
type Handshake struct {
	Request      *http.Request
	Params       map[string]any // the query, with path parameters over it
	Transport    string         // "websocket" or "longpoll"
	AuthToken    string         // as the client's authToken option sends it
	HasAuthToken bool
}

// An Identity is what Connect found out. It never changes while the connection lives.
type Identity struct {
	ID    string // the topic on which `disconnect` closes the connection; "" for none
	Names any    // belongs to the rules

	// Gone is called once, when nothing of the connection is left, or when it was not opened
	// after all. May be nil.
	Gone func()
}

func (id *Identity) gone() {
	if id.Gone != nil {
		id.Gone()
	}
}

// A Refusal of a connection is the caller's doing and is not logged.
type Refusal struct {
	Status int // of the HTTP answer; 0 means 403
	Reason string
}

// Error gives the reason.
func (r *Refusal) Error() string {
	if r.Reason == "" {
		return "connection refused"
	}
	return "connection refused: " + r.Reason
}

// A Reason for Stop.
type Reason int

// The ways to stop a membership.
const (
	StopNormal Reason = iota + 1 // phx_close: the client does not come back
	StopError                    // phx_error: the client joins again
)
