package traffic_test

import (
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

func TestCacheProblems(t *testing.T) {
	const bound = "\"user\" is bound before the cache, so one caller's answer could be given to another (name it in the key, as in `key: ${user}`, bind it behind the cache, or write `shared: true` where all callers get the same)"
	tests := []struct {
		list string
		want []string
	}{
		{"- cache: {ttl: 60}\n", []string{`1:16: expected a duration, found "60" (write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m)`}},
		{"- cache: {max_size: 1MB, max_entry: 2MB}\n", []string{"1:37: one answer would not fit into `max_size` (make `max_size` some hundred times as large)"}},
		{"- cache: {vary: [a b]}\n", []string{`1:17: "a b" is not the name of a header`}},
		{"- cache: {key: [a]}\n", []string{`1:16: expected a text, found a map or list`}},
		{"- bind: 1\n  as: user\n- cache: 1m\n", []string{"3:3: " + bound}},
		{"- bind: 1\n  as: user\n- cache: {key: 'a'}\n", []string{"3:3: " + bound}},
		{"- bind: 1\n  as: user\n- cache: {key: '${user}'}\n", nil},
		{"- bind: 1\n  as: user\n- cache: {shared: true}\n", nil},
		{"- cache: 1m\n- bind: 1\n  as: user\n", nil},
		{"- cache: 1m\n- allow_ips: [10.0.0.0/8]\n", []string{"2:3: `allow_ips` stands behind `cache`: what it lets one caller see would be given to all (write `cache` behind all guards)"}},
		{"- cache: 1m\n- when: params.a == '1'\n  do: {deny_ips: [10.0.0.0/8]}\n", []string{"3:8: `deny_ips` stands behind `cache`: what it lets one caller see would be given to all (write `cache` behind all guards)"}},
		{"- when: params.a == '1'\n  do: {cache: 1m}\n- allow_ips: [10.0.0.0/8]\n", []string{"3:3: `allow_ips` stands behind `cache`: what it lets one caller see would be given to all (write `cache` behind all guards)"}},
		{"- cache: 1m\n- rate_limit: 1/s\n", nil},
		{"- allow_ips: [10.0.0.0/8]\n- cache: 1m\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			app := says("").app(tt.list, newClock())
			app.Defs = append(app.Defs, bindDef())
			if got := app.Problems(t); !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func bindDef() *pipeline.Def {
	type settings struct{ value *pipeline.Value }
	return pipeline.Define(pipeline.Traits{Name: "bind", Group: "test", Doc: "Binds.", Places: pipeline.HTTP, Result: "The value."},
		func(s *pipeline.Settings, o *settings) { s.Whole(s.Value(&o.value, "value", "What.")) },
		func(o settings, _ *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) { return o.value.Eval(c.Frame) }
		})
}
