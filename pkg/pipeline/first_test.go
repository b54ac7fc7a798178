package pipeline_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

// marks are plugs that write their name down: one runs first, one gives a lazy name.
func marks() []*pipeline.Def {
	mark := func(name string, first bool) *pipeline.Def {
		return pipeline.Define(pipeline.Traits{Name: name, Group: "test", Doc: "A mark.", Places: pipeline.HTTP, First: first},
			func(*pipeline.Settings, *struct{}) {}, func(_ struct{}, b *pipeline.Build) pipeline.Plug {
				slot := b.Give("csrf_token", expr.String)
				return func(c *pipeline.Context) (any, error) {
					c.W.Header().Add("Ran", name)
					c.Lazily(slot, func(c *pipeline.Context) (any, error) {
						c.W.Header().Add("Ran", "token")
						return "t", nil
					})
					return nil, nil
				}
			})
	}
	parse := pipeline.Define(pipeline.Traits{Name: "parse", Group: "test", Doc: "Reads forms.", Places: pipeline.HTTP},
		func(*pipeline.Settings, *struct{}) {}, func(struct{}, *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) {
				c.Parser = &pipeline.BodyParser{Form: true, MaxBody: 100, MaxForm: 100}
				return nil, nil
			}
		})
	return []*pipeline.Def{mark("early", true), mark("late", false), parse}
}

func TestWhatRunsFirst(t *testing.T) {
	tests := []struct{ name, list, want string }{
		{"written last", "- late\n- early\n- show: 1\n", "early late"},
		{"in a pipeline", "- late\n- pipe_through: p\n- show: 1\n", "early late"},
		{"a lazy name that nothing reads", "- late\n- show: 1\n", "late"},
		{"a lazy name that a plug reads", "- late\n- show: ${csrf_token}\n", "late token"},
		{"a lazy name that a plug would read", "- late\n- show: ${csrf_token}\n  when: request.method == 'PUT'\n- show: 1\n", "late"},
		{"a lazy name that a condition reads", "- late\n- {when: csrf_token == 't', do: [show: 1]}\n- show: 2\n", "late token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: marks(), List: tt.list, Sections: "pipelines: {p: [early]}\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest(http.MethodGet, "/", nil))
			if ran := strings.Join(got.Header["Ran"], " "); got.Err != nil || ran != tt.want {
				t.Errorf("ran %q, want %q (%v)", ran, tt.want, got.Err)
			}
		})
	}
}

func TestWhatRunsFirstHasNoCondition(t *testing.T) {
	const why = ": `early` runs before all other plugs, so it cannot depend on a condition (write it without `when:`, outside of branches)"
	tests := []struct{ name, list, want string }{
		{"a when", "- early:\n  when: request.method == 'GET'\n- show: 1\n", "1:3" + why},
		{"a branch", "- {when: request.method == 'GET', do: [early]}\n- show: 1\n", "1:40" + why},
		{"the other arm", "- {when: request.method == 'GET', do: [late], else: [early]}\n- show: 1\n", "1:54" + why},
		{"a pipeline that runs sometimes", "- pipe_through: p\n  when: request.method == 'GET'\n- show: 1\n", "2:17" + why},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := pipetest.App{Defs: marks(), List: tt.list, Sections: "pipelines: {p: [early]}\n"}.Problems(t)
			if !slices.ContainsFunc(got, func(p string) bool { return strings.HasSuffix(p, tt.want) }) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAConditionReadsTheBody(t *testing.T) {
	c := pipetest.App{Defs: marks(), Unsafe: true, List: "- parse\n- show: yes\n  when: params.x == '1'\n- show: no\n"}.Compile(t)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := c.Serve(r); !strings.Contains(got.Body, "yes") {
		t.Errorf("%d %s %v", got.Status, got.Body, got.Err)
	}
}
