package resource_test

func selectFacts() []fact {
	return []fact{
		{"GET /books?select=id,name:title&id=eq.1", 200, `[{"id":1,"name":"Dune"}]`, ""},
		{"GET /books?select=id,pages::text&id=eq.1", 200, `[{"id":1,"pages":"412"}]`, ""},
		{"GET /books?select=info->lang&id=eq.1", 200, `[{"lang":"en"}]`, ""},
		{"GET /books?select=info->>lang&id=eq.1", 200, `[{"lang":"en"}]`, ""},
		{"GET /books?select=first:info->n->0&id=eq.1", 200, `[{"first":1}]`, ""},
		{"GET /books?select=*&id=eq.5", 200, "[" + zen + "]", ""},
		{"GET /books?select=&id=eq.5", 200, "[" + zen + "]", ""},
		{"GET /books?select=id, title&id=eq.1", 200, `[{"id":1,"title":"Dune"}]`, ""},
		{"GET /books?select=secret", 400, wrong("400", "42703", "column books.secret does not exist", "", ""), ""},
		{"GET /books?select=nope", 400, wrong("400", "42703", "column books.nope does not exist", "", ""), ""},
		{"GET /books?select=id(", 400, `~"code":"PGRST100"`, ""},
		{"GET /books?select=lent,count()&order=lent", 200, `~{"lent":false,"count":2},{"lent":true,"count":2}`, ""},
		{"GET /books?select=pages.sum()", 200, `[{"sum":1212}]`, ""},
		{"GET /books?select=pages.max(),least:pages.min()", 200, `[{"max":412,"least":250}]`, ""},
		{"GET /few?select=count()", 400, wrong("400", "PGRST123", "Use of aggregate functions is not allowed", "", ""), ""},
		{"GET /books?select=id&order=pages.desc,id.desc&limit=3", 200, `[{"id":3},{"id":1},{"id":2}]`, ""},
		{"GET /books?select=id&order=pages.desc.nullslast,id&limit=3", 200, `[{"id":1},{"id":2},{"id":4}]`, ""},
		{"GET /books?select=id&order=pages.asc.nullsfirst&limit=2", 200, `[{"id":3},{"id":4}]`, ""},
		{"GET /books?select=id&order=info->>lang,id", 200, `[{"id":2},{"id":1},{"id":5},{"id":3},{"id":4}]`, ""},
		{"GET /books?order=secret", 400, wrong("400", "42703", "column books.secret does not exist", "", ""), ""},
		{"GET /books?order=id.up", 400, `~"code":"PGRST100"`, ""},
	}
}

func filterFacts() []fact {
	ids := func(query, want string) fact {
		return fact{"GET /books?select=id&order=id&" + query, 200, want, ""}
	}
	return []fact{
		ids("id=eq.1", `[{"id":1}]`), ids("id=neq.1&id=lt.3", `[{"id":2}]`), ids("id=gt.1&id=lte.3", `[{"id":2},{"id":3}]`),
		ids("id=gte.5", `[{"id":5}]`), ids("title=like.*m*", `[{"id":2},{"id":4}]`), ids("title=ilike.d*", `[{"id":1}]`),
		ids("title=in.(Dune,Zen)", `[{"id":1},{"id":5}]`), ids(`title=in.("a, \"b\"")`, `[{"id":3}]`), ids("id=in.()", `[]`),
		ids("pages=is.null", `[{"id":3}]`), ids("pages=not.is.null&id=lt.3", `[{"id":1},{"id":2}]`), ids("lent=is.true", `[{"id":1},{"id":4}]`),
		ids("lent=eq.false", `[{"id":2},{"id":5}]`), ids("or=(id.eq.1,id.eq.5)", `[{"id":1},{"id":5}]`), ids("and=(id.gt.1,or(id.eq.2,id.eq.9))", `[{"id":2}]`),
		ids("not.or=(id.eq.1,id.gt.2)", `[{"id":2}]`), ids("info->>lang=eq.de", `[{"id":2}]`), ids("price=lt.6", `[{"id":2}]`), ids("price=eq.12", `[{"id":5}]`),
		ids("at=gte.2024-02-01T00:00:00Z", `[{"id":2}]`), ids("pages=isdistinct.250&id=gt.2", `[{"id":3}]`),
		ids("title=like(any).{D*,Z*}", `[{"id":1},{"id":5}]`), ids("title=eq.a,+%22b%22", `[{"id":3}]`),
		{"GET /books?secret=eq.s1", 400, wrong("400", "42703", "column books.secret does not exist", "", ""), ""},
		{"GET /books?or=(secret.eq.s1)", 400, `~"code":"42703"`, ""},
		{"GET /books?id=9", 400, wrong("400", "PGRST100", `\"failed to parse filter (9)\" (line 1, column 1)`, `unexpected \"9\" expecting \"not\" or operator (eq, gt, ...)`, ""), ""},
		{"GET /books?id=xx.1", 400, `~"code":"PGRST100"`, ""},
		{"GET /books?lent=is.maybe", 400, `~"code":"PGRST100"`, ""},
		{"GET /books?%zz=eq.1", 400, "~", ""},
		{"GET /books?title=eq.%ff", 400, `~"message":"the query is not UTF-8"`, ""},
	}
}

func embedFacts() []fact {
	return []fact{
		{"GET /books?select=id,author(name)&id=lt.4&order=id", 200, `[{"id":1,"author":{"name":"Ann"}},{"id":2,"author":{"name":"Bob"}},{"id":3,"author":null}]`, ""},
		{"GET /books?select=id,authors(name)&id=eq.1", 200, `[{"id":1,"authors":{"name":"Ann"}}]`, ""},
		{"GET /books?select=id,writer:author(name)&id=eq.1", 200, `[{"id":1,"writer":{"name":"Ann"}}]`, ""},
		{"GET /books?select=id,...author(name)&id=eq.1", 200, `[{"id":1,"name":"Ann"}]`, ""},
		{"GET /books?select=id,reviews(stars)&id=eq.1&reviews.order=stars", 200, `[{"id":1,"reviews":[{"stars":3},{"stars":5}]}]`, ""},
		{"GET /books?select=id,reviews(stars)&id=eq.1&reviews.stars=gt.4", 200, `[{"id":1,"reviews":[{"stars":5}]}]`, ""},
		{"GET /books?select=id,reviews(stars)&id=eq.1&reviews.limit=1&reviews.order=id", 200, `[{"id":1,"reviews":[{"stars":5}]}]`, ""},
		{"GET /books?select=id,reviews!inner(stars)&reviews.stars=eq.4", 200, `[{"id":4,"reviews":[{"stars":4}]}]`, ""},
		{"GET /books?select=id&reviews=not.is.null", 400, `~"code":"42703"`, ""},
		{"GET /books?select=id,reviews()&reviews=is.null&order=id", 200, `[{"id":2},{"id":3},{"id":5}]`, ""},
		{"GET /books?select=id,shelves(name)&id=lt.3&order=id&shelves.order=name", 200, `[{"id":1,"shelves":[{"name":"attic"},{"name":"hall"}]},{"id":2,"shelves":[{"name":"hall"}]}]`, ""},
		{"GET /books?select=id,author(name)&order=author(name).desc,id&limit=2&author=not.is.null", 200, `[{"id":2,"author":{"name":"Bob"}},{"id":4,"author":{"name":"Bob"}}]`, ""},
		{"GET /authors?select=name,books(title,reviews(stars))&id=eq.1&books.order=id", 200, `[{"name":"Ann","books":[{"title":"Dune","reviews":[{"stars":5},{"stars":3}]},{"title":"Zen","reviews":[]}]}]`, ""},
		{"GET /books?select=id,author(email)", 400, `~"code":"42703"~email does not exist`, ""},
		{"GET /books?select=id,author(name)&id=eq.1&author.offset=1", 200, `[{"id":1,"author":null}]`, ""},
		{"GET /books?select=id,author(name)&id=eq.1&author.limit=0", 200, `[{"id":1,"author":null}]`, ""},
		{"GET /books?select=id,author(name)&id=eq.1&author.limit=5", 200, `[{"id":1,"author":{"name":"Ann"}}]`, ""},
		{"GET /books?select=id,nope(id)", 400, `~"code":"PGRST200"~Could not find a relationship between 'books' and 'nope' in the schema cache`, ""},
		{"GET /books?select=id&reviews.order=id", 400, wrong("400", "PGRST108", "'reviews' is not an embedded resource in this request", "", "Verify that 'reviews' is included in the 'select' query parameter."), ""},
		{"GET /books?select=id,reviews(id)&order=reviews(id)", 400, `~"code":"PGRST118"`, ""},
		{"GET /few?select=id,author(name)", 400, `~"code":"PGRST200"`, ""},
	}
}
