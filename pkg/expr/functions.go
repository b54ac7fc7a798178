package expr

import (
	"cmp"
	"reflect"
	"slices"
	"time"
)

// FunctionDoc describes one function for the reference page.
type FunctionDoc struct {
	Name      string
	Signature string
	Doc       string
	Pure      bool // the same arguments always give the same value
}

// FunctionDocs lists every function of the language, sorted by name.
func FunctionDocs() []FunctionDoc {
	var docs []FunctionDoc
	for _, f := range functionTable(&Functions{}) {
		docs = append(docs, f.FunctionDoc)
	}
	slices.SortFunc(docs, func(a, b FunctionDoc) int { return cmp.Compare(a.Name, b.Name) })
	return docs
}

// function is one row of the table. call is nil where the application does not offer it,
// and for those that the parser itself knows (predicates).
type function struct {
	FunctionDoc
	types     []reflect.Type
	validate  func([]reflect.Type) (reflect.Type, error)
	call      many
	predicate bool
	outside   bool // it waits, or takes locks of the application
}

func of[F any]() reflect.Type { return reflect.TypeFor[F]() }

func pure(name, signature, doc string, call many, t ...reflect.Type) function {
	return function{FunctionDoc: FunctionDoc{name, signature, doc, true}, types: t, call: call}
}

func impure(name, signature, doc string, call many, t ...reflect.Type) function {
	return function{FunctionDoc: FunctionDoc{name, signature, doc, false}, types: t, call: call}
}

// reaching is an impure function that waits, or takes locks of the application.
func reaching(name, signature, doc string, call many, t ...reflect.Type) function {
	f := impure(name, signature, doc, call, t...)
	f.outside = true
	return f
}

func predicate(name, signature, doc string) function {
	return function{FunctionDoc: FunctionDoc{name, signature, doc, true}, predicate: true}
}

func functionTable(f *Functions) []function {
	return slices.Concat(predicateRows(), textRows(), numberRows(), listRows(), timeRows(f), cryptoRows(f), outsideRows(f))
}

func predicateRows() []function {
	return []function{
		predicate("all", "all(list, condition)", "true when every item meets the condition"),
		predicate("any", "any(list, condition)", "true when an item meets the condition"),
		predicate("one", "one(list, condition)", "true when exactly one item meets the condition"),
		predicate("none", "none(list, condition)", "true when no item meets the condition"),
		predicate("map", "map(list, value)", "the list of the values computed from each item"),
		predicate("filter", "filter(list, condition)", "the items that meet the condition"),
		predicate("find", "find(list, condition)", "the first item that meets the condition, or nil"),
		predicate("findIndex", "findIndex(list, condition)", "the place of the first such item, or nil"),
		predicate("findLast", "findLast(list, condition)", "the last item that meets the condition, or nil"),
		predicate("findLastIndex", "findLastIndex(list, condition)", "the place of the last such item, or nil"),
		predicate("count", "count(list, condition)", "how many items meet the condition"),
		predicate("sum", "sum(list, value)", "the sum of the items, or of a value of each"),
		predicate("groupBy", "groupBy(list, key)", "a map of lists, by a key of each item"),
		predicate("sortBy", "sortBy(list, key, order)", "the list sorted by a key of each item; order is 'asc' or 'desc'"),
		predicate("reduce", "reduce(list, value, start)", "one value from all items; #acc is the value so far"),
	}
}

func timeRows(f *Functions) []function {
	rows := []function{
		pure("duration", "duration(text)", "a duration such as duration('15m'), to add to a time or to compare", durationOf, of[func(string) time.Duration]()),
		pure("date", "date(text, layout, zone)", "the time that a text tells", dateOf,
			of[func(string) time.Time](), of[func(string, string) time.Time](), of[func(string, string, string) time.Time]()),
		pure("timezone", "timezone(name)", "a time zone such as timezone('Europe/Paris'), for t.In(zone)", timezoneOf, of[func(string) *time.Location]()),
		impure("now", "now()", "the time, in UTC", nil, of[func() time.Time]()),
		impure("unix_now", "unix_now()", "the time in seconds since 1970", nil, of[func() int64]()),
	}
	if f.Now != nil {
		rows[3].call = func(...any) (any, error) { return f.Now().UTC(), nil }
		rows[4].call = func(...any) (any, error) { return f.Now().Unix(), nil }
	}
	return rows
}

func durationOf(args ...any) (any, error) {
	s, err := needText("duration", args[0])
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, fault("this text is no duration; write 15m, 2h, 500ms")
	}
	return d, nil
}

func timezoneOf(args ...any) (any, error) {
	s, err := needText("timezone", args[0])
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		return nil, fault("there is no such time zone")
	}
	return zone, nil
}

// dateLayouts are tried in turn where no layout is given.
var dateLayouts = [...]string{time.RFC3339, time.DateOnly, time.DateTime, time.TimeOnly, time.RFC1123, time.RFC850, time.RFC822}

func dateOf(args ...any) (any, error) {
	texts := make([]string, len(args))
	for i, a := range args {
		s, err := needText("date", a)
		if err != nil {
			return nil, err
		}
		texts[i] = s
	}
	zone := time.UTC
	if len(texts) == 3 {
		z, err := timezoneOf(args[2])
		if err != nil {
			return nil, err
		}
		zone = z.(*time.Location)
	}
	layouts := dateLayouts[:]
	if len(texts) > 1 {
		layouts = texts[1:2]
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, texts[0], zone); err == nil {
			return t, nil
		}
	}
	return nil, fault("this text is no date")
}

// outsideRows reach what the application keeps.
func outsideRows(f *Functions) []function {
	rows := []function{
		reaching("presence_list", "presence_list(topic)", "who is present in a topic", nil, of[func(string) any]()),
		reaching("presence_count", "presence_count(topic)", "how many are present in a topic", nil, of[func(string) int64]()),
		pure("path", "path(pattern, params)", "the path of a declared route; params not in the pattern go to the query", nil, of[func(string) string](), of[func(string, any) string]()),
		pure("url", "url(pattern, params)", "like path, with the address of the endpoint before it", nil, of[func(string) string](), of[func(string, any) string]()),
		pure("file", "file(path)", "the text of a file, read once at load", nil, of[func(string) string]()),
		pure("has", "has(list_or_map, x)", "true when the list has the item, or the map the key", nil, of[func(any, any) bool]()),
	}
	if f.PresenceList != nil {
		rows[0].call = func(args ...any) (any, error) {
			topic, err := needText("presence_list", args[0])
			if err != nil {
				return nil, err
			}
			return f.PresenceList(topic), nil
		}
	}
	if f.PresenceCount != nil {
		rows[1].call = func(args ...any) (any, error) {
			topic, err := needText("presence_count", args[0])
			if err != nil {
				return nil, err
			}
			return int64(f.PresenceCount(topic)), nil
		}
	}
	rows[2].call = func(args ...any) (any, error) { return fillPath("", args) }
	rows[3].call = func(args ...any) (any, error) { return fillPath(f.BaseURL, args) }
	rows[4].call = folded
	rows[5].call = folded
	return rows
}

// folded stands for functions that loading replaces; it never runs.
func folded(...any) (any, error) { return nil, fault("this function is computed at load") }

func needText(fn string, v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	v, err := opened(v)
	if err != nil {
		return "", err
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", need(fn, "text", v)
}

func needList(fn string, v any) ([]any, error) {
	v, err := opened(v)
	if err != nil {
		return nil, err
	}
	if l, ok := v.([]any); ok {
		return l, nil
	}
	return nil, need(fn, "a list", v)
}

func needInt(fn string, v any) (int64, error) {
	if n, ok := wholeNumber(v); ok {
		return n, nil
	}
	return 0, need(fn, "an integer", v)
}

func needFloat(fn string, v any) (float64, error) {
	if n, ok := floatOf(v); ok {
		return n, nil
	}
	return 0, need(fn, "a number", v)
}

func need(fn, what string, v any) *Fault {
	f := fault("%s needs %s, this is %s", fn, what, describe(v))
	if isNil(v) {
		f.Kind = NilOperand
		f.Message += "; give a default with ??"
	}
	return f
}
