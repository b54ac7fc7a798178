package pipeline

import "github.com/openmanifest/gateway/pkg/config/diag"

// noGuardBehind reports guards that stand behind a plug that answers with what it kept:
// they would be asked once, and the answer given to all who come after.
func (c *Compiler) noGuardBehind(s *Steps) {
	var keeper *step
	c.guardsBehind(s, &keeper)
}

func (c *Compiler) guardsBehind(s *Steps, keeper **step) {
	if s == nil {
		return
	}
	for i := range s.list {
		st := &s.list[i]
		switch {
		case st.def == nil:
		case st.def.Keeps && *keeper == nil:
			*keeper = st
		case *keeper != nil && st.def.Guard && st.def.Name != "rate_limit" && !c.toldBehind[st.at]:
			if c.toldBehind == nil {
				c.toldBehind = map[diag.Pos]bool{}
			}
			c.toldBehind[st.at] = true
			c.Problems.Add(st.at, "guard-behind-cache", "`%s` stands behind `%s`: what it lets one caller see would be given to all", st.def.Name, (*keeper).def.Name).
				Suggest("write `%s` behind all guards", (*keeper).def.Name).Relate((*keeper).at, "answers are kept from here on")
		}
		c.guardsBehind(st.do, keeper)
		c.guardsBehind(st.otherwise, keeper)
		c.guardsBehind(st.orElse, keeper)
	}
}
