package postgres

import (
	"fmt"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// want is what a caller makes of the rows.
type want uint8

const (
	wantRows want = iota
	wantNothing
	wantJSON
)

// textKept bounds the memory for values that a call keeps for the next one.
const textKept = 64 << 10

// call is one run of a statement: what goes in, and what came out.
type call struct {
	st    *store.Statement
	args  []any
	limit int
	want  want

	text   []byte   // the values, one behind the other
	values [][]byte // what each is in text
	codes  []int16  // and its format

	result    store.Result  // of wantRows and wantNothing
	encoded   store.Encoded // of wantJSON; JSON is what the caller gave, at first
	before    int           // the length of what the caller gave
	sent      bool          // some of it may have reached the server
	cancelled bool          // by us, so that others go on
	err       error         // the driver's, then the store's

	done  chan struct{} // of a pipe
	timer *time.Timer   // bounds the wait for a pipe
}

// newCall takes one that is over from the store's, if there is one.
func (s *Store) newCall(st *store.Statement, args []any, limit int, w want) *call {
	c, ok := s.calls.Get().(*call)
	if !ok {
		c = &call{done: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
		c.timer.Stop()
	}
	c.st, c.args, c.limit, c.want = st, args, store.Limit(limit), w
	return c
}

func (s *Store) newEncode(st *store.Statement, args []any, limit int, dst []byte) *call {
	c := s.newCall(st, args, limit, wantJSON)
	c.encoded.JSON, c.before = dst, len(dst)
	return c
}

// rows gives what Query and Exec give. The call is over with it.
func (s *Store) rows(c *call) (*store.Result, error) {
	defer s.free(c)
	if c.err != nil {
		return nil, c.err
	}
	result := c.result
	return &result, nil
}

// json gives what Encode gives. The call is over with it.
func (s *Store) json(c *call) (store.Encoded, error) {
	defer s.free(c)
	if c.err != nil {
		return store.Encoded{}, c.err
	}
	return c.encoded, nil
}

func (s *Store) free(c *call) {
	clear(c.values)
	kept := call{text: c.text[:0], values: c.values[:0], codes: c.codes[:0], done: c.done, timer: c.timer}
	if cap(kept.text) > textKept {
		kept.text = nil
	}
	*c = kept
	s.calls.Put(c)
}

// over tells who waits for a pipe that there is no more to come. The call is his then.
func (c *call) over(err error) {
	c.err = err
	c.done <- struct{}{}
}

// bind writes the values.
func (c *call) bind(kinds []kind) error {
	if len(c.args) != len(kinds) {
		return &store.Fault{Message: fmt.Sprintf("the SQL has places for %d values, not %d", len(kinds), len(c.args))}
	}
	c.text, c.values, c.codes = c.text[:0], c.values[:0], c.codes[:0]
	for i, arg := range c.args {
		start := len(c.text)
		text, code, err := kinds[i].append(c.text, arg)
		if err != nil {
			return &store.Invalid{Param: i + 1, Message: err.Error()}
		}
		c.codes = append(c.codes, code)
		if text == nil {
			c.values = append(c.values, nil)
			continue
		}
		// When text moves to larger memory, what was cut from the smaller stays valid.
		c.text = text
		c.values = append(c.values, c.text[start:len(c.text):len(c.text)])
	}
	return nil
}

// begin forgets what an earlier try has left.
func (c *call) begin() {
	c.result, c.sent, c.cancelled = store.Result{}, false, false
	c.encoded = store.Encoded{JSON: c.encoded.JSON[:c.before]}
}

// formats asks for the columns in the form that they are read in.
func (c *call) formats(p *prepared) []int16 {
	if c.want == wantJSON {
		return p.encoder.formats
	}
	return p.formats
}

// row takes a row, whose bytes belong to the driver.
func (c *call) row(p *prepared, raw [][]byte, zone *time.Location) error {
	switch c.want {
	case wantRows:
		if len(c.result.Rows) == c.limit {
			return store.TooManyRows(c.limit)
		}
		row := make([]any, len(p.results))
		c.result.Rows = append(c.result.Rows, row)
		return decodeRow(row, p.results, raw)
	case wantJSON:
		return c.encodeRow(p.encoder, raw, zone)
	default:
		return nil
	}
}

func (c *call) encodeRow(e *encoder, raw [][]byte, zone *time.Location) (err error) {
	out := &c.encoded
	if out.Rows == c.limit {
		return store.TooManyRows(c.limit)
	}
	if out.Rows > 0 && !e.csv {
		out.JSON = append(out.JSON, ',')
	}
	out.Rows++
	if out.JSON, err = e.append(out.JSON, raw, zone); err != nil || e.kept == len(e.kinds) {
		return err
	}
	if e.keptLast && len(out.Kept) > 0 {
		clear(out.Kept[0])
		return decodeRow(out.Kept[0], e.kinds[e.kept:], raw[e.kept:])
	}
	kept, err := e.keep(raw)
	out.Kept = append(out.Kept, kept)
	return err
}

// end takes the tag with which the server ends an answer.
func (c *call) end(p *prepared, tag []byte) {
	affected := affectedBy(tag)
	if c.want == wantJSON {
		c.encoded.Affected = affected
		return
	}
	c.result.Affected = affected
	if c.want == wantRows {
		c.result.Columns = p.columns
	}
}

// affectedBy reads "INSERT 0 3", "UPDATE 3" and their like; what reads affects nothing.
func affectedBy(tag []byte) int64 {
	switch {
	case len(tag) == 0, tag[0] != 'I' && tag[0] != 'U' && tag[0] != 'D' && tag[0] != 'M':
		return 0
	}
	start := len(tag)
	for start > 0 && tag[start-1] >= '0' && tag[start-1] <= '9' {
		start--
	}
	n, _ := strconv.ParseInt(string(tag[start:]), 10, 64)
	return n
}
