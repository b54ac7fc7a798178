package expr

import (
	"fmt"
	"sync"
	"testing"
)

func BenchmarkExpressions(b *testing.B) {
	s, f := testScope(), testFrame()
	for _, src := range []string{
		`current_user_id`, `'GET'`, `params.id`, `claims.sub`, `user?.email`, `request.method == 'GET'`, `user != nil`, `params.page ?? 1`, `claims.sub == params.id`, `'admin' in claims.roles`,
		`user.id == current_user_id and not (user.email == 'x')`, `user.email in ['a@b', 'c']`, `lower(params.id)`, `row.email`, `any(roles, # == 'editor')`, `map(posts, .id)`,
	} {
		for m, name := range []string{"normal", "guard"} {
			e := must(s.Value(src, Mode(m)))
			b.Run(name+"/"+src, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := e.Eval(f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	for _, src := range []string{`claims.sub == params.id`, `user.id == current_user_id and not (user.email == 'x')`} {
		e := must(s.Condition(src, Guard))
		b.Run("test/"+src, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Test(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	s, f := testScope(), testFrame()
	for _, text := range []string{`user:${user.id}`, `user:${user.id}:${params.room ?? 'lobby'}`, `/v1/${params.id}/${user.id}/${user.email}`} {
		tx, buf := must(s.Text(text, Normal)), make([]byte, 0, 128)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			var err error
			for b.Loop() {
				if buf, err = tx.Append(buf[:0], f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJSON(b *testing.B) {
	s, f := testScope(), testFrame()
	f.Slots[slotNothing] = "SFMyNTY.g2gDYQFuBgBxX0sRjAFiAAFRgA.m8FZ1qkq"
	text := func(x string) Shape { return Shape{Kind: ShapeText, Text: must(s.Text(x, Normal))} }
	j := Compile(Shape{Kind: ShapeObject, Members: []Member{{"token", text(`${nothing}`)}, {"user", Shape{Kind: ShapeObject, Members: []Member{{"id", text(`${user.id}`)}, {"email", text(`${user.email}`)}}}}}})
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	var err error
	for b.Loop() {
		if buf, err = j.Append(buf[:0], f); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad compiles distinct expressions, as the routes of a large manifest have
// them: one scope for all, and a scope of its own for each.
func BenchmarkLoad(b *testing.B) {
	shapes := []string{`user.id == current_user_id and user.email == "s%d"`, `params.p%d ?? 1`, `claims.sub == params.id%d`, `"r%d" in claims.roles`, `request.method == "M%d" and request.path startsWith "/x"`, `lower(params.q%d)`, `payload.body%d`, `any(roles, # == "r%d") or user.id == 1`}
	b.Run("one scope", func(b *testing.B) {
		s, i := testScope(), 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			must(s.Value(fmt.Sprintf(shapes[i%len(shapes)], i), Guard))
		}
	})
	b.Run("own scope", func(b *testing.B) {
		s, i := testScope(), 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			own := s.With(Name{Name: "own", Slot: slotsUsed, Type: Record(map[string]Type{fmt.Sprint("c", i): Int})})
			must(own.Value(fmt.Sprintf(shapes[i%len(shapes)], i), Guard))
		}
	})
}

// Expressions are shared, frames are not: run with -race.
func TestManyFramesAtOnce(t *testing.T) {
	s := testScope()
	e := must(s.Condition(`claims.sub == "u1" and any(roles, {let x = #; x == "admin"}) and lower(params.id) matches "^u"`, Guard))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			f := testFrame()
			own := s.With(Name{Name: fmt.Sprint("own", g%2), Slot: slotsUsed})
			for i := range 300 {
				if ok, err := e.Test(f); !ok || err != nil {
					t.Error(ok, err)
				}
				if _, errs := own.Value(fmt.Sprintf("params.x%d", i), Normal); len(errs) > 0 {
					t.Error(errs)
				}
			}
		})
	}
	wg.Wait()
}

func TestReset(t *testing.T) {
	s, f := testScope(), testFrame()
	if _, err := must(s.Value(`map(posts, {let x = #; x.email})`, Normal)).Eval(f); err != nil {
		t.Fatal(err)
	}
	f.Reset()
	for i, v := range f.Slots[:cap(f.Slots)] {
		if v != nil {
			t.Errorf("slot %d holds %v", i, v)
		}
	}
	for _, v := range f.vm.Stack[:cap(f.vm.Stack)] {
		if v != nil {
			t.Errorf("the stack holds %v", v)
		}
	}
	f.Grow(100)
	f.Slots[99] = 1
	if f.Grow(50); len(f.Slots) != 100 || f.Slots[99] != 1 {
		t.Error("growing lost a value")
	}
}
