package channels

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Frames are written in three ways. A broadcast leaves the connections that it reaches to the
// flushers, a few goroutines for all of a hub. A slot writes what it sent itself, when it has
// nothing else to do. Both take what the network takes at once, for a goroutine for each
// connection costs a third of what the write does. All else, and who takes less than is sent,
// gets a goroutine of its own, which waits (socket.write).

const (
	// flushTurn is how many connections of one broadcast are written to before it is another
	// broadcast's turn. Each costs one write that does not wait.
	flushTurn = 64
	// flushBytes is the most that one of these writes copies; what a frame has beyond that is
	// left to a goroutine.
	flushBytes = 64 << 10
	// keepWave is the largest room, in connections, that is used for another broadcast.
	keepWave = 16 << 10
	// heldFrames and heldBytes are what a slot holds until it has nothing else to do. With more
	// a writer is woken, as for what others send.
	heldFrames = 16
	heldBytes  = gather
)

// A wave is the connections that a broadcast is to be written to. A connection is in one wave
// at a time, so all waves hold no more than there are.
type wave struct {
	sockets []*socket
	at      int // those before it were given to flushers
	turns   int // that are not over
	next    *wave
}

// flushers write waves. A goroutine lives as long as there are any, and each takes a turn of
// a wave, so that a large topic does not hold up the others.
type flushers struct {
	most  int        // goroutines
	tools *sync.Pool // of *tool
	waves sync.Pool  // of *wave

	mu          sync.Mutex
	working     int
	first, last *wave
}

// flusherCount leaves half of the processors to what makes broadcasts, and to the network:
// two that write for the same clients get in each other's way.
func flusherCount() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// begin gives an empty wave, to be given to add.
func (f *flushers) begin() *wave {
	if w, ok := f.waves.Get().(*wave); ok {
		return w
	}
	return new(wave)
}

// add has a wave written. It is the flushers' from here on.
func (f *flushers) add(w *wave) {
	if len(w.sockets) == 0 {
		f.waves.Put(w)
		return
	}
	w.turns = (len(w.sockets) + flushTurn - 1) / flushTurn
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pushLocked(w)
	for range min(w.turns, f.most-f.working) {
		f.working++
		go f.work()
	}
}

func (f *flushers) pushLocked(w *wave) {
	if f.first == nil {
		f.first = w
	} else {
		f.last.next = w
	}
	f.last = w
}

func (f *flushers) work() {
	t := f.tools.Get().(*tool)
	defer f.tools.Put(t)
	for w, turn := f.turn(nil); w != nil; w, turn = f.turn(w) {
		for i, s := range turn {
			turn[i] = nil
			s.visit(t)
		}
	}
}

// turn ends a turn of one wave, or of none, and begins the next. With nothing left the
// goroutine is over.
func (f *flushers) turn(before *wave) (*wave, []*socket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before != nil {
		f.endLocked(before)
	}
	w := f.first
	if w == nil {
		f.working--
		return nil, nil
	}
	f.first, w.next = w.next, nil
	n := min(flushTurn, len(w.sockets)-w.at)
	turn := w.sockets[w.at : w.at+n]
	if w.at += n; w.at < len(w.sockets) {
		f.pushLocked(w)
	}
	return w, turn
}

func (f *flushers) endLocked(w *wave) {
	if w.turns--; w.turns > 0 {
		return
	}
	if w.at, w.sockets = 0, w.sockets[:0]; cap(w.sockets) <= keepWave {
		f.waves.Put(w)
	}
}

// A tool is what a goroutine writes with.
type tool struct {
	buffer []byte // empty; its room is for small frames that go into one write

	p     []byte
	n     int
	err   error
	write func(fd uintptr) bool // of p; made once, for it is on the heap
}

func newTools() *sync.Pool {
	return &sync.Pool{New: func() any {
		t := &tool{buffer: make([]byte, 0, gather)}
		t.write = func(fd uintptr) bool {
			t.n, t.err = writeSome(fd, t.p)
			return true // never wait
		}
		return t
	}}
}

// try writes what the network takes of p at once, which may be nothing.
func (t *tool) try(raw syscall.RawConn, p []byte) (int, error) {
	t.p, t.n, t.err = p, 0, nil
	err := raw.Write(t.write)
	t.p = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // set for a write before
		return 0, nil
	case err != nil:
		return 0, err
	}
	return t.n, t.err
}

// fill puts together what one write takes of a batch: whole frames, or a part of one that is
// larger than the room for them.
func (t *tool) fill(batch [][]byte) []byte {
	if len(batch) == 1 || len(batch[0])+len(batch[1]) > cap(t.buffer) {
		return batch[0][:min(len(batch[0]), flushBytes)]
	}
	p := t.buffer
	for _, frame := range batch {
		if len(p)+len(frame) > cap(p) {
			break
		}
		p = append(p, frame...)
	}
	return p
}

// visit writes what waits, for the wave that the connection is in.
func (s *socket) visit(t *tool) {
	s.mu.Lock()
	s.listed = false
	if s.writing || len(s.out.frames) == 0 { // somebody else is at it
		last := s.leaveLocked()
		s.mu.Unlock()
		s.goneAfter(last)
		return
	}
	s.attemptLocked(t)
}

// flush implements link.
func (s *socket) flush() {
	s.mu.Lock()
	if s.writing || len(s.out.frames) == 0 {
		s.mu.Unlock()
		return
	}
	s.users++
	if s.raw == nil {
		s.writing, s.since = true, time.Time{}
		s.mu.Unlock()
		go s.write()
		return
	}
	t := s.hub.tools.Get().(*tool)
	s.attemptLocked(t)
	s.hub.tools.Put(t)
}

// attemptLocked writes what waits without waiting itself, and unlocks. What the network does not
// take at once is left to a goroutine, as is what comes meanwhile.
func (s *socket) attemptLocked(t *tool) {
	s.writing, s.since = true, time.Time{}
	batch, size := s.out.takeLocked()
	s.mu.Unlock()
	n, err := t.try(s.raw, t.fill(batch))
	switch {
	case err != nil:
		s.wire.Close() // wakes the reader, which ends the connection
	case n < sizeOf(batch):
		s.batchBy = time.Time{}
		go s.writeOn(batch, size, n)
		return
	}
	s.mu.Lock()
	s.writtenLocked(batch, size, err)
	if len(s.out.frames) > 0 {
		s.mu.Unlock()
		go s.write()
		return
	}
	s.stopLocked()
	last := s.leaveLocked()
	s.mu.Unlock()
	s.goneAfter(last)
}

func sizeOf(batch [][]byte) (size int) {
	for _, frame := range batch {
		size += len(frame)
	}
	return size
}

// behind is what is left of a batch after its first n bytes, of which there are more.
func behind(batch [][]byte, n int) [][]byte {
	i := 0
	for n >= len(batch[i]) {
		n -= len(batch[i])
		i++
	}
	batch[i] = batch[i][n:]
	return batch[i:]
}
