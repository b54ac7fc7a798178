package expr

import (
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

type (
	value1 = func(a any) (any, error)
	value2 = func(a, b any) (any, error)
	cond1  = func(a any) (bool, error)
	cond2  = func(a, b any) (bool, error)
	many   = func(args ...any) (any, error)
)

// natives are the operators as functions. The native closures call them directly, the
// machine through adapters: one semantics. Their names begin with $, which no name that a
// user writes may; those for guards end in !.
type natives struct {
	value1 map[string]value1
	value2 map[string]value2
	cond1  map[string]cond1
	cond2  map[string]cond2
	many   map[string]many
}

func reader(how reading) value2 {
	return func(base, key any) (any, error) { return member(base, key, how) }
}

func newNatives() natives {
	n := natives{
		value1: map[string]value1{
			"$end": end, "$neg": negate, "$pos": positive, "$int": small, "$settle": settle, "$key": mapKey, "$sort": sortKey, "$group": grouped,
		},
		value2: map[string]value2{
			"$get": reader(normal), "$get!": reader(strict), "$opt": reader(loose), "$maybe": maybe,
			"$+": add, "$-": subtract, "$*": multiply, "$/": divide, "$%": modulo, "$**": power, "$..": rangeOf,
			"$loop": loop, "$pay": pay,
		},
		cond1: map[string]cond1{"$nil": func(v any) (bool, error) { return isNil(v), nil }, "$bool": truth},
		cond2: map[string]cond2{
			"$==": eq, "$==!": eqGuard, "$in": in, "$in!": inGuard, "$matches": matches(false), "$matches!": matches(true),
			"$<":  ordered(func(o int) bool { return o < 0 }),
			"$>":  ordered(func(o int) bool { return o > 0 }),
			"$<=": ordered(func(o int) bool { return o <= 0 }),
			"$>=": ordered(func(o int) bool { return o >= 0 }),
		},
		many: map[string]many{"$slice": slice, "$time": timeMethod, "$time?": maybeTimeMethod},
	}
	for name, test := range map[string]func(s, part string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix} {
		n.cond2["$"+name] = textTest(name, test, false)
		n.cond2["$"+name+"!"] = textTest(name, test, true)
	}
	return n
}

// all gives every operator in the form that the machine calls.
func (n natives) all() map[string]many {
	out := map[string]many{}
	for name, f := range n.many {
		out[name] = f
	}
	for name, f := range n.value1 {
		out[name] = func(a ...any) (any, error) { return f(a[0]) }
	}
	for name, f := range n.value2 {
		out[name] = func(a ...any) (any, error) { return f(a[0], a[1]) }
	}
	for name, f := range n.cond1 {
		out[name] = func(a ...any) (any, error) { return boxed(f(a[0])) }
	}
	for name, f := range n.cond2 {
		out[name] = func(a ...any) (any, error) { return boxed(f(a[0], a[1])) }
	}
	return out
}

func boxed(b bool, err error) (any, error) { return b, err }

// truth takes exactly true and false: there is no truthiness.
func truth(v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	if r, ok := v.(*value.Raw); ok {
		d, err := r.Value()
		if err != nil {
			return false, err
		}
		if b, ok := d.(bool); ok {
			return b, nil
		}
	}
	if isNil(v) {
		return false, faultOf(NilOperand, "nil is neither true nor false; compare it, or give a default with ??")
	}
	return false, faultOf(Unlike, "%s is neither true nor false; write a comparison", describe(v))
}

// small takes the machine's own integers (of count, #index) into the domain.
func small(v any) (any, error) {
	if i, ok := v.(int); ok {
		return int64(i), nil
	}
	return v, nil
}

// settle gives nil for all that counts as nil, such as JSON null as it was received.
func settle(v any) (any, error) {
	if isNil(v) {
		return nil, nil
	}
	return v, nil
}

func mapKey(v any) (any, error) {
	text, err := value.AppendText(nil, v)
	if err != nil {
		return nil, fault("a key of a map must be text, this is %s", describe(v))
	}
	return string(text), nil
}

func sortKey(v any) (any, error) {
	v, err := opened(v)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case string, int64, float64, time.Time, time.Duration:
		return v, nil
	case value.Number:
		if f, ok := x.Float(); ok {
			return f, nil
		}
	}
	return nil, fault("cannot sort by %s", describe(v))
}

// grouped turns what groupBy makes into a map of lists.
func grouped(v any) (any, error) {
	out := map[string]any{}
	for k, list := range v.(map[any][]any) {
		out[k.(string)] = list
	}
	return out, nil
}

// loop lets the machine go through a list, and takes its length from what the evaluation
// may still do: one look per loop entered, not per item.
func loop(budget, list any) (any, error) {
	list, err := opened(list)
	if err != nil {
		return nil, err
	}
	items, ok := list.([]any)
	if !ok {
		return nil, fault("a list is needed here, this is %s", describe(list))
	}
	w := budget.(*work)
	if w.left -= len(items) + 1; w.left < 0 {
		return nil, fault(tooMuchWork)
	}
	return items, nil
}

// pay charges for what a function made inside a loop.
func pay(budget, v any) (any, error) {
	cost := 1
	switch x := v.(type) {
	case string:
		cost += len(x) / workUnit
	case []any:
		cost += len(x)
	case map[string]any:
		cost += len(x)
	}
	w := budget.(*work)
	if w.left -= cost; w.left < 0 {
		return nil, fault(tooMuchWork)
	}
	return v, nil
}

// timeMethod is t.Name(args...). Only what reads a time or makes one from it is in reach.
func timeMethod(args ...any) (any, error) {
	base, err := opened(args[0])
	if err != nil {
		return nil, err
	}
	name := args[1].(string)
	if _, skipped := base.(short); skipped {
		return base, nil
	}
	switch t := base.(type) {
	case time.Time:
		if v, ok := timePart(t, name, args[2:]); ok {
			return v, nil
		}
	case time.Duration:
		if v, ok := durationPart(t, name, args[2:]); ok {
			return v, nil
		}
	default:
		return nil, fault("%s() is for times and durations, this is %s", name, describe(base))
	}
	return nil, fault("%s() cannot be called so on %s", name, describe(base))
}

// maybeTimeMethod is t?.Name(args...).
func maybeTimeMethod(args ...any) (any, error) {
	if isNil(args[0]) {
		return short{}, nil
	}
	return timeMethod(args...)
}

func timePart(t time.Time, name string, args []any) (any, bool) {
	if len(args) == 0 {
		switch name {
		case "Year":
			return int64(t.Year()), true
		case "Month":
			return int64(t.Month()), true
		case "Day":
			return int64(t.Day()), true
		case "Hour":
			return int64(t.Hour()), true
		case "Minute":
			return int64(t.Minute()), true
		case "Second":
			return int64(t.Second()), true
		case "Weekday":
			return int64(t.Weekday()), true
		case "YearDay":
			return int64(t.YearDay()), true
		case "Unix":
			return t.Unix(), true
		case "UnixMilli":
			return t.UnixMilli(), true
		case "UTC":
			return t.UTC(), true
		}
		return nil, false
	}
	switch name {
	case "Format":
		if layout, ok := args[0].(string); ok && len(args) == 1 {
			return t.Format(layout), true
		}
	case "Add":
		if d, ok := args[0].(time.Duration); ok && len(args) == 1 {
			return t.Add(d), true
		}
	case "In":
		if zone, ok := args[0].(*time.Location); ok && len(args) == 1 {
			return t.In(zone), true
		}
	case "AddDate":
		var n [3]int64
		for i := range n {
			ok := len(args) == 3
			if ok {
				n[i], ok = wholeNumber(args[i])
			}
			if !ok {
				return nil, false
			}
		}
		return t.AddDate(int(n[0]), int(n[1]), int(n[2])), true
	}
	return nil, false
}

func durationPart(d time.Duration, name string, args []any) (any, bool) {
	if len(args) > 0 {
		return nil, false
	}
	switch name {
	case "Hours":
		return d.Hours(), true
	case "Minutes":
		return d.Minutes(), true
	case "Seconds":
		return d.Seconds(), true
	case "Milliseconds":
		return d.Milliseconds(), true
	}
	return nil, false
}

// isTimeMethod tells the names that timeMethod knows.
func isTimeMethod(name string) bool {
	switch name {
	case "Year", "Month", "Day", "Hour", "Minute", "Second", "Weekday", "YearDay", "Unix", "UnixMilli", "UTC", "Format", "Add",
		"In", "AddDate", "Hours", "Minutes", "Seconds", "Milliseconds":
		return true
	}
	return false
}
