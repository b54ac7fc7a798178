package expr

import "github.com/expr-lang/expr/vm"

// FirstSlot is the lowest slot a Name may have. The cells before it hold the variables
// of `let` and what bounds the work of one evaluation.
const FirstSlot = 8

const (
	workSlot = FirstSlot - 1 // the cell of *work
	maxLets  = workSlot
	workUnit = 64      // bytes of text that cost as much as one item of a loop
	maxWork  = 200_000 // items that the loops of one evaluation may visit
)

// work is what an evaluation may still do.
type work struct{ left int }

// Frame is the memory of a run: the values of names by slot, and the machine. It is
// kept in a pool and is not for concurrent use. The zero Frame is ready once it has grown.
type Frame struct {
	Slots []any
	vm    vm.VM
	work  work
}

// NewFrame makes a frame that holds slots up to and without the number slots.
func NewFrame(slots int) *Frame {
	f := &Frame{}
	f.Grow(slots)
	return f
}

// Grow makes room for slots below the number slots; values stay.
func (f *Frame) Grow(slots int) {
	slots = max(slots, FirstSlot)
	if slots <= len(f.Slots) {
		return
	}
	if slots <= cap(f.Slots) {
		f.Slots = f.Slots[:slots]
		return
	}
	grown := make([]any, slots)
	copy(grown, f.Slots)
	f.Slots = grown
}

// Reset forgets all values, also those left on the machine's stack.
func (f *Frame) Reset() {
	clear(f.Slots[:cap(f.Slots)])
	stack := f.vm.Stack[:cap(f.vm.Stack)]
	clear(stack)
	f.vm = vm.VM{Stack: stack[:0]}
}

func (f *Frame) run(p *vm.Program) (any, error) {
	f.work.left = maxWork
	f.Slots[workSlot] = &f.work
	f.vm.Variables = f.Slots
	return f.vm.Run(p, nil)
}
