package postgrest

import (
	"reflect"
	"testing"
)

// What parses means the same when it is written another way, and what does not has a reason.
func FuzzParse(f *testing.F) {
	for _, raw := range []string{
		`select=id,b:c->a->>-1::text,rel!hint!inner(x,...y(z)),count(),n.sum()::text&rel.x=gt.3&order=a.desc.nullslast,rel(x)&limit=3&rel.limit=2`,
		`id=in.(a,"b,c",d"e,4)&name=not.like(any).{a*,"b,c",null}&t=fts(english).fat+%26+cat&x=is.NOT_NULL&d=isdistinct.1`,
		`or=(a.eq.1,not.and(b.in.(1,2),c.eq."x,y"),d.cs.{1,2})&rel.not.or=(x.is.null)&select=rel(*)`,
		`columns="a b",c&on_conflict=a,b&after=AbC_-&after=gt.3&offset=-1&limit=`,
		`"a.b".c->>"d e"=eq.1&select="a.b"(),"count"`,
		`a=1&b=not.x&v=eq.2`, `select=*!x`, `select=a(b(c(d()))),%zz`, `order=a->0.asc,b->-1`,
	} {
		f.Add(raw, false)
		f.Add(raw, true)
	}
	f.Fuzz(func(t *testing.T, raw string, function bool) {
		o := Options{Function: function}
		q, err := Parse(raw, o)
		if err != nil {
			e, ok := err.(*Error)
			if !ok || e.Status < 400 || e.Status > 499 || e.Code == "" || e.Message == "" || e.Message == unread {
				t.Fatalf("Parse(%q): %#v", raw, err)
			}
			return
		}
		o.Limits.Length = 1 << 20
		again, err := Parse(printed(q), o)
		if err != nil {
			t.Fatalf("%q was printed as %q, which does not parse: %v", raw, printed(q), err)
		}
		if !reflect.DeepEqual(q, again) {
			t.Fatalf("%q\nwas read as     %+v\nwas printed as  %q\nwhich is        %+v", raw, q, printed(q), again)
		}
	})
}

// The headers never make a panic, and what they give can be written again.
func FuzzHeaders(f *testing.F) {
	f.Add("return=representation, count=exact, handling=strict, max-affected=3", "text/csv;q=0.5, application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|wal", "0-9")
	f.Add("", "application/vnd.pgrst.plan+json;for=va", "")
	f.Fuzz(func(t *testing.T, prefer, accept, bounds string) {
		p := ParsePrefer([]string{prefer}, PreferOptions{Tx: true})
		applied := p.Applied()
		again := ParsePrefer([]string{applied}, PreferOptions{Tx: true})
		if again.Applied() != applied {
			t.Errorf("Prefer %q is applied as %q, which is applied as %q", prefer, applied, again.Applied())
		}
		m := ParseMedia(accept)
		if m.Kind != OtherMedia && ParseMedia(m.String()) != m {
			t.Errorf("%q is %+v, written as %q, which is %+v", accept, m, m.String(), ParseMedia(m.String()))
		}
		if _, err := Accept([]string{accept}, func(Media) bool { return false }); err != nil && err.(*Error).Code != "PGRST107" {
			t.Error(err)
		}
		if r, err := ParseRange(bounds); err == nil && r.Bounded && r.Last < r.First {
			t.Errorf("ParseRange(%q) = %+v", bounds, r)
		}
	})
}
