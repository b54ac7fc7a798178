package relations

import "testing"

// What both databases answer alike.
func TestSelect(t *testing.T) {
	tests := []struct{ path, want string }{
		{"clients", `[{"id":1,"name":"Microsoft","country":"us"},{"id":2,"name":"Apple","country":null}]`},
		{"clients?select=n:name", `[{"n":"Microsoft"},{"n":"Apple"}]`},
		{"projects?id=eq.1", `[{"id":1,"name":"Windows 7","client_id":1,"active":true,"budget":10.50,"data":{"a":{"b":[1,2,"x"]},"n":5,"ok":true},"tags":["a","b"],"due":"2020-01-02","started":"2020-01-02T03:04:05.5+00:00"}]`},
		{"projects?select=id&order=id.desc&limit=2&offset=1", `[{"id":4},{"id":3}]`},
		{"projects?select=id&active=is.false", `[{"id":3}]`},
		{"projects?select=id&active=eq.false", `[{"id":3}]`},
		{"projects?select=id&id=in.(1,3,9)&order=id", `[{"id":1},{"id":3}]`},
		{"projects?select=id&id=not.in.(1,3,9)&order=id", `[{"id":2},{"id":4},{"id":5}]`},
		{"projects?select=id&id=in.()", `[]`},
		{"projects?select=id&name=like.Windows*&order=id", `[{"id":1},{"id":2}]`},
		{"projects?select=id&name=like.windows*", `[]`},
		{"projects?select=id&name=ilike.windows*&order=id", `[{"id":1},{"id":2}]`},
		{"projects?select=id&name=like(any).{Win*,IOS}&order=id", `[{"id":1},{"id":2},{"id":3}]`},
		{"projects?select=id&name=ilike(all).{win*,*7}&order=id", `[{"id":1}]`},
		{"projects?select=id&id=gt(all).{1,3}&order=id", `[{"id":4},{"id":5}]`},
		{"projects?select=id&name=match.^W.*0$", `[{"id":2}]`},
		{"projects?select=id&name=imatch.^ios", `[{"id":3}]`},
		{"projects?select=id&client_id=isdistinct.1&order=id", `[{"id":3},{"id":4},{"id":5}]`},
		{"projects?select=id&or=(id.eq.1,and(id.gt.3,client_id.is.null))&order=id", `[{"id":1},{"id":5}]`},
		{"projects?select=id&not.or=(id.eq.1,id.eq.2)&order=id", `[{"id":3},{"id":4},{"id":5}]`},
		{"projects?select=id,n:data->n,t:data->>n,ok:data->>ok&order=id&limit=2", `[{"id":1,"n":5,"t":"5","ok":"true"},{"id":2,"n":7,"t":"7","ok":null}]`},
		{"projects?select=data->a->b->2,x:data->a->b->>-1&id=eq.1", `[{"b":"x","x":"x"}]`},
		{"projects?select=id&data->>n=eq.7", `[{"id":2}]`},
		{"projects?select=id&order=data->>n.asc.nullslast,id", `[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]`},
		{"projects?select=id&order=client_id.desc,id", `[{"id":5},{"id":3},{"id":4},{"id":1},{"id":2}]`},
		{"projects?select=id&order=client_id,id.desc", `[{"id":2},{"id":1},{"id":4},{"id":3},{"id":5}]`},
		{"projects?select=id&order=client_id.nullsfirst,id.desc", `[{"id":5},{"id":2},{"id":1},{"id":4},{"id":3}]`},
		{"projects?select=id&tags=cs.{b}&order=id", `[{"id":1},{"id":2}]`},
		{"projects?select=id&tags=cd.{a,b}&order=id", `[{"id":1},{"id":2},{"id":4}]`},
		{"projects?select=id&tags=ov.{a,\"c d\"}&order=id", `[{"id":1},{"id":5}]`},
		{"projects?select=id&data=cs.{\"n\":7}", `[{"id":2}]`},
		{"projects?select=id&due=gte.2020-06-01", `[{"id":3}]`},
		{"projects?select=id&started=gt.2020-01-02T12:00:00%2B01:00", `[{"id":2}]`},
		{"projects?select=id::text,active::text,started::text&id=eq.3", `[{"id":"3","active":"false","started":null}]`},
		{"projects?select=count()", `[{"count":5}]`},
		{"projects?select=client_id,budget.sum(),n:count()&order=client_id", `[{"client_id":1,"sum":30.50,"n":2},{"client_id":2,"sum":5.25,"n":2},{"client_id":null,"sum":null,"n":1}]`},
	}
	answers(t, tests)
}
