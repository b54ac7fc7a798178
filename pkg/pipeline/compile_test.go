package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// The plugs of these tests: one of each kind that the compiler tells apart.
func testPlugs() []*Def {
	type none struct{}
	type one struct{ value *Value }
	value := func(s *Settings, o *one) { s.Whole(s.Value(&o.value, "value", "A value.")) }
	return []*Def{
		Define(Traits{Name: "say", Places: HTTP, Answers: HTTP}, value, func(o one, b *Build) Plug {
			return func(c *Context) (any, error) { return nil, c.AnswerJSON(200, o.value) }
		}),
		Define(Traits{Name: "find", Places: Anywhere, Result: "what was found", Fails: []Reason{{"not_found", 404}}}, value, func(o one, b *Build) Plug {
			return func(c *Context) (any, error) {
				v, err := o.value.Eval(c.Frame)
				if err == nil && v == nil {
					err = Refuse(404, "not_found", "nothing there")
				}
				return v, err
			}
		}),
		Define(Traits{Name: "set", Places: Anywhere}, func(s *Settings, o *[]spec.Named[*Value]) { s.Whole(s.Values(o, "values", "Names and values.")) },
			func(o []spec.Named[*Value], b *Build) Plug {
				slots := make([]int, len(o))
				for i, v := range o {
					slots[i] = b.Assign(v.Name, v.At, v.Value.Type)
				}
				return func(c *Context) (any, error) {
					for i, v := range o {
						got, err := v.Value.Eval(c.Frame)
						if err != nil {
							return nil, err
						}
						c.Slots[slots[i]] = got
					}
					return nil, nil
				}
			}),
		Define(Traits{Name: "need", Places: Anywhere, Guard: true, Fails: []Reason{{"forbidden", 403}}},
			func(s *Settings, o *struct{ cond *expr.Expr }) {
				s.Whole(s.Condition(&o.cond, "condition", "A condition."))
			},
			func(o struct{ cond *expr.Expr }, b *Build) Plug {
				return func(c *Context) (any, error) {
					ok, err := o.cond.Test(c.Frame)
					if err == nil && !ok {
						err = Refuse(403, "forbidden", "")
					}
					return nil, err
				}
			}),
		Define(Traits{Name: "boom", Places: Anywhere, Fails: []Reason{{"never", 400}}}, func(*Settings, *none) {}, func(none, *Build) Plug {
			return func(*Context) (any, error) { return nil, errors.New("out of order") }
		}),
		Define(Traits{Name: "maybe", Places: HTTP, Answers: HTTP, Passes: true}, func(*Settings, *none) {}, func(none, *Build) Plug {
			return func(*Context) (any, error) { return nil, nil }
		}),
		Define(Traits{Name: "in_join", Places: Join, Answers: Join, Opens: Join}, func(*Settings, *none) {}, func(none, *Build) Plug {
			return func(c *Context) (any, error) { c.Halt(); return nil, nil }
		}),
		Define(Traits{Name: "no_join", Places: Join, Answers: Join}, func(*Settings, *none) {}, func(none, *Build) Plug {
			return func(c *Context) (any, error) { c.Halt(); return nil, nil }
		}),
		Later(Traits{Name: "someday", Places: HTTP, Result: "something", Binds: []string{"session"}}),
		Later(Traits{Name: "page", Places: HTTP, Answers: HTTP}),
	}
}

// compiled list of a manifest's pipelines, at a place.
type testList struct {
	steps    *Steps
	problems []*diag.Problem
	slots    int
	env      *Env
}

// compileTest compiles the pipeline `main` of a manifest's `pipelines:` text.
func compileTest(t *testing.T, place Place, text string) testList {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte("version: 1\npipelines:\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	var ps diag.Problems
	m := config.Load(path, config.Options{Environment: "test", Getenv: func(string) (string, bool) { return "", false }}, &ps)
	if m == nil {
		t.Fatalf("not loaded: %v", ps.All())
	}
	clock := func() time.Time { return time.Unix(1_700_000_000, 0) }
	env := &Env{Manifest: m, Functions: &expr.Functions{Now: clock}, Now: clock, Log: slog.New(slog.DiscardHandler)}
	c := NewCompiler(env, append(testPlugs(), writing()...), &ps)
	main := m.Pipeline("main")
	if main == nil {
		t.Fatal("no pipeline main")
	}
	var steps *Steps
	switch place {
	case Route:
		_, after := c.Endpoint(source.NewList(main.At))
		steps = c.Route(RouteSource{At: main.At, After: after, List: main.List, Unsafe: true})
	case Join:
		_, connect := c.Connect(source.NewList(main.At), "connect", ConnectSocketType(nil))
		steps, _ = c.Join(main.List, connect, "join")
	}
	c.used["main"] = true
	c.Unused()
	return testList{steps, ps.All(), c.Slots(), env}
}

func (l testList) run(t *testing.T, target string) string {
	t.Helper()
	if len(l.problems) > 0 {
		return told(l.problems)
	}
	c := NewContext(l.slots)
	c.Log, c.Now = l.env.Log, l.env.Now
	w := httptest.NewRecorder()
	c.Start(w, httptest.NewRequest("POST", target, nil))
	if err := c.SetParams(nil, nil); err != nil {
		t.Fatal(err)
	}
	err := l.steps.Run(c)
	if r := asRefusal(err); r != nil {
		return fmt.Sprintf("refused %d %s", r.Status, r.Reason)
	}
	if err != nil {
		var f *Failure
		if !errors.As(err, &f) {
			return "bare error " + err.Error()
		}
		return fmt.Sprintf("failed at line %d: %s", f.At.Line, f.Plug)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body))
}

func told(ps []*diag.Problem) string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, fmt.Sprintf("%d:%d %s [%s]", p.At.Line, p.At.Column, p.Message, p.Hint))
	}
	return strings.Join(lines, "\n")
}

func TestListsRun(t *testing.T) {
	tests := []struct{ name, list, target, want string }{
		{"the last one answers", "main: [{say: {a: 1}}]", "/", `200 {"a":1}`},
		{"params are the query", "main: [{say: {a: '${params.x}'}}]", "/?x=7", `200 {"a":"7"}`},
		{"status and headers of an answer", "main: [{say: hi, status: 201}]", "/", `201 "hi"`},
		{"when skips", "main: [{say: 1, when: params.x == '1'}, {say: 2}]", "/?x=2", `200 2`},
		{"when takes", "main: [{say: 1, when: params.x == '1'}, {say: 2}]", "/?x=1", `200 1`},
		{"as binds for what follows", "main: [{find: {id: 7}, as: user}, {say: '${user.id}'}]", "/", `200 7`},
		{"a failure without else is the default answer", "main: [{find: null, as: user}, {say: 1}]", "/", `refused 404 not_found`},
		{"an else answers with the failure's status", "main: [{find: null, else: {say: '${failure.reason}'}}, {say: 1}]", "/", `404 "not_found"`},
		{"status of an else's answer wins", "main: [{find: null, else: {say: 1, status: 200}}, {say: 2}]", "/", `200 1`},
		{"else: continue binds nil", "main: [{find: null, as: user, else: continue}, {say: '${user?.id}'}]", "/", `200 null`},
		{"else does not catch an error of ours", "main: [{boom: null, else: {say: 1}}, {say: 2}]", "/", `failed at line 3: boom`},
		{"a branch runs do", "main: [{when: params.x == '1', do: [{say: 1}], else: [{say: 2}]}]", "/?x=1", `200 1`},
		{"a branch runs else", "main: [{when: params.x == '1', do: [{say: 1}], else: [{say: 2}]}]", "/?x=2", `200 2`},
		{"a name bound in both arms is one", "main: [{when: params.x == '1', do: {find: 1, as: n}, else: {find: 2, as: n}}, {say: '${n}'}]", "/?x=2", `200 2`},
		{"assign may set again", "main: [{set: {n: 1}}, {set: {n: '${n + 1}'}}, {say: '${n}'}]", "/", `200 2`},
		{"a pipeline runs here, with the names that are visible", "other: [{set: {m: '${n}'}}]\n  main: [{set: {n: 1}}, {pipe_through: other}, {say: '${m}'}]", "/", `200 1`},
		{"pipe_through with when", "other: [{say: 9}]\n  main: [{pipe_through: other, when: params.x == '1'}, {say: 1}]", "/?x=1", `200 9`},
		{"one entry may stand for a list", "main: {say: 1}", "/", `200 1`},
		{"a guard passes on exactly true", "main: [{need: params.x == 'a'}, {say: 1}]", "/?x=a", `200 1`},
		{"a guard refuses on false", "main: [{need: params.x == 'a'}, {say: 1}]", "/?x=b", `refused 403 forbidden`},
		{"a missing member refuses", "main: [{need: params.x != 'a'}, {say: 1}]", "/", `refused 403 forbidden`},
		{"nil against nil refuses", "main: [{need: params.x == params.y}, {say: 1}]", "/", `refused 403 forbidden`},
		{"unlike types refuse", "main: [{need: params.x != 5}, {say: 1}]", "/?x=5", `refused 403 forbidden`},
		{"an error in the when of a guard refuses, it does not skip", "main: [{need: 'false', when: params.x == params.y}, {say: 1}]", "/", `refused 403 forbidden`},
		{"an error in the when of a branch with a guard refuses", "main: [{when: params.x == 'no', do: [], else: {need: 'true'}}, {say: 1}]", "/", `refused 403 forbidden`},
		{"a name that may be nil is read by ?. in a guard", "main: [{find: {id: 1}, as: u, when: params.x == 'a'}, {need: \"u?.id == 1\"}, {say: 1}]", "/?x=a", `200 1`},
		{"nil in a longer text is an error of ours", "main: [{say: 'user:${request.id}'}]", "/", `failed at line 3: say`},
		{"what the client did not send refuses", "main: [{say: 'user:${params.x}'}]", "/", `refused 400 invalid`},
		{"a map that the client sent refuses", "main: [{say: 'user:${params.x ?? 1}'}]", "/?x[a]=b", `refused 400 invalid`},
		{"a header that the client did not send refuses", "main: [{say: 'user:${request.headers.x}'}]", "/", `refused 400 invalid`},
		{"what is assigned is still the client's", "main: [{set: {n: '${params.x}'}}, {say: 'user:${n}'}]", "/", `refused 400 invalid`},
		{"a condition on what the client did not send refuses", "main: [{say: 1, when: params.x > 3}, {say: 2}]", "/", `refused 400 invalid`},
		{"what the client sent goes to the else", "main: [{find: '${params.x.y}', else: {say: '${failure.message}'}}, {say: 2}]", "/", `400 "params.x is missing"`},
		{"a guard refuses in its own way", "main: [{need: params.x > 3}, {say: 1}]", "/", `refused 403 forbidden`},
		{"what passes on as the last of a route is its answer", "main: [maybe]", "/", `200`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compileTest(t, Route, "  "+tt.list+"\n").run(t, tt.target)
			if got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.list, got, tt.want)
			}
		})
	}
}

func TestListsAreRefused(t *testing.T) {
	tests := []struct {
		name  string
		place Place
		list  string
		want  string
	}{
		{"an unknown plug", Route, "main: [sayy: 1]", `3:10 unknown plug "sayy" [did you mean "say"?]`},
		{"a plug of another place", Route, "main: [in_join]", "3:10 `in_join` cannot stand in a route or pipeline [answer with `json`, `text` or another answer of HTTP; it stands in join]"},
		{"two plugs", Route, "main: [{say: 1, find: 2}]", "3:19 an entry has exactly one plug; this one names say and find [begin a new entry with `- find:`]"},
		{"a misspelt modifier", Route, "main: [{say: 1, whn: params.x == 'a'}, {say: 2}]", `3:19 unknown key "whn" beside the plug [did you mean "when"?]`},
		{"no answer", Route, "main: [{find: 1}]", "3:3 this route does not end in an answer on every path [end it with an answer such as `json:`, `render:` or `redirect:` without `when:`]"},
		{"an answer that may be skipped", Route, "main: [{say: 1, when: params.x == 'a'}]", "3:3 this route does not end in an answer on every path [end it with an answer such as `json:`, `render:` or `redirect:` without `when:`]"},
		{"what can never run", Route, "main: [{say: 1}, {say: 2}]", "3:20 this can never run: the list has answered before it [move it up, or give the answer before it a `when:`]"},
		{"when and else", Route, "main: [{find: 1, when: 'true', else: {say: 2}}, {say: 1}]", "3:34 `when` and `else` together stand only on a branch [write `when: …`, `do: [find: …]`, `else: …`: a reader could not tell which of the two `else` means]"},
		{"else on what cannot fail", Route, "main: [{set: {a: 1}, else: {say: 2}}, {say: 1}]", "3:24 `set` cannot fail, so `else` would never run []"},
		{"a guard that continues", Route, "main: [{need: 'true', else: continue}, {say: 1}]", "3:31 `else: continue` is only for plugs with a result; `need` would guard nothing [remove the plug, or answer in its `else`]"},
		{"an else without an answer", Route, "main: [{find: 1, else: {set: {a: 1}}}, {say: 1}]", "3:20 this `else` must end in an answer on every path [end it with an answer, such as `json:` or `text:`, without `when:`]"},
		{"as without a result", Route, "main: [{set: {a: 1}, as: b}, {say: 1}]", "3:24 `set` has no result to bind []"},
		{"as on a visible name", Route, "main: [{find: 1, as: a}, {find: 1, as: a}, {say: 1}]", `3:42 "a" is already bound [choose another name; only ` + "`assign`" + ` may set a name again, and only one that ` + "`assign`" + ` bound]`},
		{"a reserved name", Route, "main: [{find: 1, as: session}, {say: 1}]", `3:24 "session" is a name of the language [choose another name]`},
		{"a function's name", Route, "main: [{find: 1, as: now}, {say: 1}]", `3:24 "now" is a function [choose another name]`},
		{"status on what does not answer", Route, "main: [{find: 1, status: 200}, {say: 1}]", "3:20 `status` stands on answers, and `find` is none here []"},
		{"a status that is none", Route, "main: [{say: 1, status: 99}]", "3:27 `status` is a number from 200 to 599 []"},
		{"an unknown name", Route, "main: [{find: 1, as: user}, {say: '${usr}'}]", `3:40 there is no name "usr" here [did you mean "user"?]`},
		{"a name of an else is gone", Route, "main: [{find: 1, else: [{set: {gone: 1}}, {say: 1}]}, {say: '${gone}'}]", `3:66 there is no name "gone" here [did you mean "none"?]`},
		{"failure is seen in an else only", Route, "main: [{say: '${failure.reason}'}]", `3:19 there is no name "failure" here [it is known in the ` + "`else`" + ` of a plug only]`},
		{"a name that may be nil, in a guard", Route, "main: [{find: {id: 1}, as: u, when: params.x == 'a'}, {need: u.id == 1}, {say: 1}]", "3:64 u may be nil here: it is bound in a branch or after a plug that can be skipped [ask `u != nil and ...` first, read it with ?., or give a default with ??]"},
		{"a pipeline that runs itself", Route, "other: [{pipe_through: other}]\n  main: [{pipe_through: other}, {say: 1}]", "3:26 the pipeline other runs itself: other → other []"},
		{"an unknown pipeline", Route, "other: []\n  main: [{pipe_through: othr}, {say: 1}]", `4:25 there is no pipeline "othr" [did you mean "other"?]`},
		{"a pipeline named as a plug", Route, "other: []\n  main: [other, {say: 1}]", "4:10 unknown plug \"other\" [to run the pipeline other here, write `pipe_through: other`]"},
		{"what is not available is its only fault", Route, "main: [{someday: 1, as: x}, {say: '${x.y}'}]", "3:11 `someday` is not available in this version [remove it, or use a version that has it]"},
		{"an answer that is not available ends the list", Route, "main: [page]", "3:10 `page` is not available in this version [remove it, or use a version that has it]"},
		{"reply in the else of a join", Join, "main: [{find: 1, else: in_join}]", "3:26 `in_join` in an `else` of join would let the caller in [end it with `reply_error` or `stop`]"},
		{"a join's else that ends open", Join, "main: [{find: 1, else: []}]", "3:20 this `else` must end in an answer on every path [end it with `reply_error` or `stop`, without `when:`]"},
		{"a join's else that closes", Join, "main: [{find: 1, else: no_join}]", ""},
		{"a list in a list", Route, "main: [[{say: 1}]]", "3:10 a list inside a list of plugs [write its entries one below the other]"},
		{"a branch with a plug beside it", Route, "main: [{when: 'true', do: {say: 1}, say: 2}]", "3:39 \"say\" cannot stand on a branch [a branch is `when:` and `do:`, and may have `else:`; put the plug into `do:`]"},
		{"a branch without when", Route, "main: [{do: {say: 1}}]", "3:11 `do` needs `when` [a branch is `when: CONDITION` and `do: PLUGS`]"},
		{"a fault of an unused pipeline", Route, "main: {say: 1}\n  spare: [sayy]", `4:11 unknown plug "sayy" [did you mean "say"?]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := told(compileTest(t, tt.place, "  "+tt.list+"\n").problems)
			if got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.list, got, tt.want)
			}
		})
	}
}

func TestAFaultInAPipelineNamesItsUses(t *testing.T) {
	l := compileTest(t, Route, "  other: [{say: '${who}'}]\n  main: [{pipe_through: other, when: params.a == 'a'}, {pipe_through: other}]\n")
	if len(l.problems) != 1 {
		t.Fatalf("got %s", told(l.problems))
	}
	if got := len(l.problems[0].Related); got != 2 {
		t.Errorf("the fault names %d uses, want 2: %v", got, l.problems[0].Related)
	}
}
