package postgrest

import (
	"reflect"
	"strings"
	"testing"
)

func TestPreferences(t *testing.T) {
	o := PreferOptions{Tx: true, Zones: func(name string) bool { return name == "America/Los_Angeles" }}
	tests := []struct {
		rule  string
		lines []string
		want  Preferences
	}{
		{"none", nil, Preferences{}},
		{"one header", []string{"resolution=ignore-duplicates, count=exact, timezone=America/Los_Angeles, max-affected=100"},
			Preferences{Resolution: IgnoreDuplicates, Count: CountExact, Timezone: "America/Los_Angeles", MaxAffected: 100, Bounded: true}},
		{"several headers", []string{"return=minimal", "missing=null,handling=lenient", "invalid"},
			Preferences{Return: Minimal, Missing: MissingNull, Handling: Lenient, Invalid: []string{"invalid"}}},
		{"the first counts", []string{"tx=commit, tx=rollback", "return=representation,return=minimal"}, Preferences{Tx: Commit, Return: Representation}},
		{"spaces", []string{"count=planned,    missing=default   ,return=headers-only,"}, Preferences{Count: CountPlanned, Missing: MissingDefault, Return: HeadersOnly}},
		{"an unknown value is none", []string{"count=none, params=single-object"}, Preferences{Invalid: []string{"count=none", "params=single-object"}}},
		{"an unknown time zone is none", []string{"timezone=Mars/Olympus"}, Preferences{Invalid: []string{"timezone=Mars/Olympus"}}},
		{"a bound that is no number does not bind", []string{"max-affected=many"}, Preferences{}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := ParsePrefer(tt.lines, o); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("ParsePrefer(%q)\n got %+v\nwant %+v", tt.lines, got, tt.want)
			}
		})
	}
	if p := ParsePrefer([]string{"tx=rollback"}, PreferOptions{}); p.Tx != "" || p.Invalid != nil {
		t.Errorf("where it may not be chosen, tx=rollback gives %+v, want it left alone", p)
	}
}

func TestPreferencesThatWereAppliedAreToldInPostgRESTsOrder(t *testing.T) {
	tests := []struct{ asked, applied string }{
		{"", ""},
		{"anything", ""},
		{"handling=lenient, max-affected=3", "handling=lenient"},
		{"max-affected=3,timezone=UTC,handling=strict,tx=rollback,count=exact,return=representation,missing=default,resolution=merge-duplicates",
			"resolution=merge-duplicates, missing=default, return=representation, count=exact, tx=rollback, handling=strict, timezone=UTC, max-affected=3"},
	}
	for _, tt := range tests {
		p := ParsePrefer([]string{tt.asked}, PreferOptions{Tx: true})
		if got := p.Applied(); got != tt.applied {
			t.Errorf("of %q is applied %q, want %q", tt.asked, got, tt.applied)
		}
	}
}

func TestStrictHandling(t *testing.T) {
	p := ParsePrefer([]string{"handling=strict", "something, else"}, PreferOptions{})
	want := &Error{Status: 400, Code: "PGRST122", Message: "Invalid preferences given with handling=strict", Details: "Invalid preferences: something, else"}
	if got := p.Check(); !reflect.DeepEqual(got, want) {
		t.Errorf("Check() = %v, want %v", got, want)
	}
	p = ParsePrefer([]string{"handling=strict, max-affected=10"}, PreferOptions{})
	want = &Error{Status: 400, Code: "PGRST124", Message: "Query result exceeds max-affected preference constraint", Details: "The query affects 14 rows"}
	if got := p.Affected(14); !reflect.DeepEqual(got, want) {
		t.Errorf("Affected(14) = %v, want %v", got, want)
	}
	if err := p.Affected(10); err != nil {
		t.Errorf("Affected(10) = %v, want it allowed", err)
	}
	lenient := ParsePrefer([]string{"handling=lenient, max-affected=1, x"}, PreferOptions{})
	if err := lenient.Check(); err != nil {
		t.Errorf("lenient Check() = %v", err)
	}
	if err := lenient.Affected(2); err != nil {
		t.Errorf("lenient Affected(2) = %v", err)
	}
}

func TestMediaTypes(t *testing.T) {
	tests := []struct {
		header      string
		want        Media
		contentType string
	}{
		{"*/*", Media{}, "application/json; charset=utf-8"},
		{"application/json", Media{Kind: JSON}, "application/json; charset=utf-8"},
		{"application/json; charset=utf-8", Media{Kind: JSON}, "application/json; charset=utf-8"},
		{"application/vnd.pgrst.array+json", Media{Kind: JSON}, "application/json; charset=utf-8"},
		{"application/vnd.pgrst.array+json;nulls=stripped", Media{Kind: JSON, Stripped: true}, "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"},
		{"application/vnd.pgrst.object", Media{Kind: Object}, "application/vnd.pgrst.object+json; charset=utf-8"},
		{"application/vnd.pgrst.object+json; nulls=stripped", Media{Kind: Object, Stripped: true}, "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"},
		{"text/csv", Media{Kind: CSV}, "text/csv; charset=utf-8"},
		{"application/geo+json", Media{Kind: GeoJSON}, "application/geo+json; charset=utf-8"},
		{"application/octet-stream", Media{Kind: OctetStream}, "application/octet-stream"},
		{"image/png", Media{Kind: OtherMedia, Name: "image/png"}, "image/png"},
		{"application/vnd.pgrst.plan", Media{Kind: Plan, Plan: PlanOptions{For: JSON}}, `application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8`},
		{`application/vnd.pgrst.plan+json; for="text/csv"; options=analyze|verbose|buffers;`,
			Media{Kind: Plan, Plan: PlanOptions{JSON: true, For: CSV, Analyze: true, Verbose: true, Buffers: true}},
			`application/vnd.pgrst.plan+json; for="text/csv"; options=analyze|verbose|buffers; charset=utf-8`},
		{`application/vnd.pgrst.plan;for="application/vnd.pgrst.object+json;nulls=stripped";options=wal|settings`,
			Media{Kind: Plan, Plan: PlanOptions{For: Object, ForStripped: true, WAL: true, Settings: true}},
			`application/vnd.pgrst.plan+text; for="application/vnd.pgrst.object+json;nulls=stripped"; options=settings|wal; charset=utf-8`},
	}
	for _, tt := range tests {
		got := ParseMedia(tt.header)
		if got != tt.want {
			t.Errorf("ParseMedia(%q) = %+v, want %+v", tt.header, got, tt.want)
		}
		if got.ContentType() != tt.contentType {
			t.Errorf("the Content-Type for %q is %q, want %q", tt.header, got.ContentType(), tt.contentType)
		}
	}
}

func TestAccept(t *testing.T) {
	can := func(m Media) bool { return m.Kind == JSON || m.Kind == Object || m.Kind == CSV }
	tests := []struct {
		rule  string
		lines []string
		want  MediaKind
	}{
		{"none", nil, AnyMedia},
		{"an empty one", []string{""}, AnyMedia},
		{"the first that can be given", []string{"text/html, text/csv, application/json"}, CSV},
		{"by weight", []string{"text/csv;q=0.5, application/json;q=0.9, */*;q=0.1"}, JSON},
		{"over several lines", []string{"image/png", "text/csv"}, CSV},
		{"the particular before the general", []string{"*/*, text/csv"}, CSV},
		{"a browser", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}, AnyMedia},
		{"a weight of nothing excludes", []string{"text/csv;q=0, application/json;q=0.1"}, JSON},
		{"all of application", []string{"application/*"}, JSON},
	}
	for _, tt := range tests {
		m, err := Accept(tt.lines, can)
		if err != nil || m.Kind != tt.want {
			t.Errorf("%s: Accept(%q) = %v, %v, want kind %d", tt.rule, tt.lines, m, err, tt.want)
		}
	}
	_, err := Accept([]string{"text/html;q=0.2, image/png"}, can)
	want := &Error{Status: 406, Code: "PGRST107", Message: "None of these media types are available: image/png, text/html"}
	if !reflect.DeepEqual(err, want) {
		t.Errorf("Accept = %v, want %v", err, want)
	}
	if _, err := Accept([]string{strings.Repeat("a/b,", 100_000)}, can); err == nil || len(err.Error()) > 1000 {
		t.Error("a long header is repeated in the answer")
	}
}

func TestRangeHeader(t *testing.T) {
	tests := []struct {
		header string
		want   Range
	}{
		{"", Range{}},
		{"0-9", Range{0, 9, true}},
		{"10-", Range{First: 10}},
		{"3-3", Range{3, 3, true}},
		{"bytes=0-9", Range{}}, // not of the dialect's form: left alone
		{"-5", Range{}},
		{"1-2-3", Range{}},
		{"1--3", Range{}},
		{" 1-2", Range{}},
	}
	for _, tt := range tests {
		if got, err := ParseRange(tt.header); err != nil || got != tt.want {
			t.Errorf("ParseRange(%q) = %+v, %v, want %+v", tt.header, got, err, tt.want)
		}
	}
	_, err := ParseRange("1-0")
	if e, ok := err.(*Error); !ok || e.Status != 416 || e.Details != "The lower boundary must be lower than or equal to the upper boundary in the Range header." {
		t.Errorf("ParseRange(1-0): %v", err)
	}
}

func TestTheHeaderNarrowsThePage(t *testing.T) {
	tests := []struct {
		query, header string
		limit, offset int64
	}{
		{"", "", -1, 0},
		{"", "5-9", 5, 5},
		{"", "5-", -1, 5},
		{"limit=3", "0-1", 2, 0},
		{"limit=3", "0-9", 3, 0},
		{"limit=3&offset=2", "3-9", 2, 3},
		{"offset=2", "0-3", 2, 2},
		{"limit=0", "0-3", 0, 0},
		{"limit=9223372036854775807&offset=5", "", 9223372036854775807, 5},
		{"", "0-9223372036854775807", -1, 0},
	}
	for _, tt := range tests {
		q := parsed(t, tt.query, Options{})
		r, err := ParseRange(tt.header)
		if err == nil {
			err = q.Within(r)
		}
		if err != nil || q.Limit != tt.limit || q.Offset != tt.offset {
			t.Errorf("%q within %q has limit %d, offset %d, %v, want %d, %d", tt.query, tt.header, q.Limit, q.Offset, err, tt.limit, tt.offset)
		}
	}
	q := parsed(t, "limit=2", Options{})
	if err, ok := q.Within(Range{First: 5, Last: 9, Bounded: true}).(*Error); !ok || err.Status != 416 || err.Code != "PGRST103" {
		t.Errorf("a page and a range that do not meet give %v, want 416", err)
	}
}

func TestContentRange(t *testing.T) {
	tests := []struct {
		offset, rows, total int64
		want                string
		status              int
	}{
		{0, 15, -1, "0-14/*", 200},
		{0, 15, 15, "0-14/15", 200},
		{2, 3, 15, "2-4/15", 206},
		{0, 0, -1, "*/*", 200},
		{0, 0, 0, "*/0", 200},
		{1, 0, 0, "*/0", 416},
		{100, 0, 15, "*/15", 416},
		{15, 0, 15, "*/15", 206},
	}
	for _, tt := range tests {
		if got := string(AppendContentRange(nil, tt.offset, tt.rows, tt.total)); got != tt.want {
			t.Errorf("%d rows of %d at %d are %q, want %q", tt.rows, tt.total, tt.offset, got, tt.want)
		}
		if got := RangeStatus(tt.offset, tt.rows, tt.total); got != tt.status {
			t.Errorf("%d rows of %d at %d have status %d, want %d", tt.rows, tt.total, tt.offset, got, tt.status)
		}
	}
	want := Error{Status: 416, Code: "PGRST103", Message: "Requested range not satisfiable", Details: "An offset of 100 was requested, but there are only 15 rows."}
	if got := BeyondEnd(100, 15); !reflect.DeepEqual(*got, want) {
		t.Errorf("BeyondEnd(100, 15) = %+v, want %+v", *got, want)
	}
}

func TestCanonical(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"", ""},
		{"a=1&c=3&b=2&d", "a=1&b=2&c=3&d="},
		{"select=id,name&id=eq.1", "id=eq.1&select=id%2Cname"},
		{"id=gt.1&a=x+y&id=lt.%C3%A9", "a=x%20y&id=gt.1,lt.%C3%A9"},
	}
	for _, tt := range tests {
		if got := Canonical(tt.raw); got != tt.want {
			t.Errorf("Canonical(%q) = %q, want %q", tt.raw, got, tt.want)
		}
	}
}
