// Package bus is the seam between the nodes of a cluster: messages to all who want them,
// and questions to one of them. What a message says is for its users; an engine that others
// keep (NATS) carries it.
package bus

import (
	"context"
	"errors"
)

// A Bus is one node's connection to the others. Subjects are those of IsSubject, and belong
// to one application; ErrSubject is returned for others. All methods may be called by many
// goroutines at once, and after Close, when they give ErrDown. handle and changed may call
// all of them but Close.
type Bus interface {
	// Node names this process: unique among all that ever were, and a token of a subject.
	Node() string

	// Publish sends data to all other nodes that subscribed to the subject, never to this
	// one: at most once, in the order of the calls. It does not wait for the network. The
	// error is ErrDown when it is known not to cross, which is also when too much waits to
	// leave, and ErrTooLarge past MaxBytes. data is the caller's again after the return.
	Publish(subject string, data []byte) error

	// Subscribe has handle called for what other nodes publish on the subject, one message
	// at a time for all subscriptions of this Bus, in the order of each sender. handle must
	// not block and may keep data. Subscriptions outlive an outage, and may be made in one.
	// It does not wait for the network.
	Subscribe(subject string, handle func(data []byte)) (Subscription, error)

	// Confirm returns when what Subscribe and Answer asked for before is in force: what is
	// published after that arrives. ErrDown when there is no connection, or it is lost
	// meanwhile. Many may wait at once, and share one round trip.
	Confirm(ctx context.Context) error

	// Ask sends a question to the node that answers the subject, or to one of those that do,
	// never to this one, and waits for its answer until ctx ends. ErrNobody when there is
	// none, ErrDown without a connection or when it is lost meanwhile, ErrTooLarge when the
	// question or its answer is larger than MaxBytes.
	Ask(ctx context.Context, subject string, data []byte) ([]byte, error)

	// Answer has handle called for questions, each on a goroutine of its own, of which there
	// are at most MaxQuestions; ctx ends when the bus closes. A question over that is not
	// answered, nor one whose handle panics, and who asked runs into its deadline.
	Answer(subject string, handle func(ctx context.Context, data []byte) []byte) (Subscription, error)

	// Up tells whether there is a connection.
	Up() bool

	// Watch has changed called when the connection is lost and when it is there again, until
	// stop is called; a call that is under way may then still end. What was published
	// meanwhile by others is lost. So it is when this node handles messages too slowly: then
	// changed is called with false and true though Up stays true. Calls come one at a time,
	// in order, and must not block.
	Watch(changed func(up bool)) (stop func())

	// MaxBytes is the most that one message, question or answer may hold. It may change with
	// the connection.
	MaxBytes() int

	// Close ends the connection after what was published has left, or after a second. It
	// ends the context of questions that are being answered, and calls no handle after its
	// return.
	Close()
}

// A Subscription ends with Close, which may be called more than once. A message that is on
// its way may still be handled.
type Subscription interface{ Close() }

// MaxQuestions bounds the questions that one node answers at the same time.
const MaxQuestions = 10_000

var (
	// ErrDown means that there is no connection to the other nodes.
	ErrDown = errors.New("no connection to the other nodes")
	// ErrNobody means that no node answers the subject.
	ErrNobody = errors.New("no node answers")
	// ErrSubject means that a text is no subject: see IsSubject.
	ErrSubject = errors.New("not a subject of messages between nodes")
	// ErrTooLarge means that a message is larger than MaxBytes.
	ErrTooLarge = errors.New("too large for one message between nodes")
)
