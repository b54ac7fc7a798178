package expr

import "github.com/openmanifest/gateway/pkg/value"

// Load computes a scalar of which all is known at load: literals, env.NAME, file('path'),
// ?? and pure functions. One expression that fills the scalar keeps its type. fromEnv
// names the variables that were read, so that a message can keep their values to itself.
func (s *Scope) Load(text string) (v any, fromEnv []string, errs []Error) {
	pieces, err := split(text)
	if err != nil {
		return nil, nil, []Error{*err}
	}
	empty := &Scope{root: s.root}
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	e := empty.environment()
	var out []byte
	for _, p := range pieces {
		if !p.expression {
			out = append(out, p.literal...)
			continue
		}
		got, names, found := e.load(p)
		fromEnv = append(fromEnv, names...)
		if len(found) > 0 {
			errs = append(errs, found...)
			continue
		}
		if len(pieces) == 1 {
			return got, fromEnv, nil
		}
		var err error
		if out, err = value.AppendText(out, got); err != nil {
			errs = append(errs, Error{p.at, p.at + len(p.src), "type", err.Error(), ""})
		}
	}
	if len(errs) > 0 {
		return nil, fromEnv, errs
	}
	return string(out), fromEnv, nil
}

func (e *env) load(p piece) (v any, fromEnv []string, errs []Error) {
	program, errs := e.compile(resultKey{src: p.src}, true)
	if len(errs) > 0 {
		return nil, nil, moved(errs, p.at)
	}
	v, err := program.eval(NewFrame(FirstSlot))
	if err != nil {
		return nil, program.fromEnv, []Error{{p.at, p.at + len(p.src), "expression", err.Error(), ""}}
	}
	return v, program.fromEnv, nil
}
