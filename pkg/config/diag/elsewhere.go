package diag

import "slices"

// elsewhere gives the entry of known that other products call word, or "". A word may mean
// several: which of them is known tells the place where it stands. What they take is of the
// same kind, for a word that was meant for a setting is read as that setting.
func elsewhere(word string, known []string) string {
	for _, r := range renamed() {
		if !slices.Contains(r.words, word) {
			continue
		}
		for _, name := range r.names {
			if slices.Contains(known, name) {
				return name
			}
		}
	}
	return ""
}

// renaming is words of other products and what they are called here.
type renaming struct{ words, names []string }

func renamed() []renaming {
	return []renaming{
		// Sections and settings.
		{[]string{"server"}, []string{"endpoint"}},
		{[]string{"database", "databases", "db"}, []string{"stores", "store"}},
		{[]string{"model", "models", "entities", "tables"}, []string{"schemas", "schema"}},
		{[]string{"services", "backends"}, []string{"upstreams"}},
		{[]string{"middleware", "middlewares", "plugs", "pipeline"}, []string{"pipe_through", "pipelines"}},
		{[]string{"port", "address", "bind"}, []string{"listen"}},
		{[]string{"url", "urls", "servers", "address"}, []string{"targets", "to"}},
		{[]string{"upstream", "service", "backend"}, []string{"to"}},
		{[]string{"if", "condition"}, []string{"when"}},
		{[]string{"into", "register"}, []string{"as"}},
		{[]string{"on_error", "otherwise", "rescue"}, []string{"else"}},
		{[]string{"by"}, []string{"key"}},
		{[]string{"allow_origin", "allow_origins", "allowed_origins"}, []string{"origins"}},
		{[]string{"allow_methods", "allowed_methods"}, []string{"methods"}},
		{[]string{"allow_headers", "allowed_headers"}, []string{"headers"}},
		{[]string{"allow_credentials"}, []string{"credentials"}},
		{[]string{"expose_headers", "exposed_headers"}, []string{"expose"}},
		{[]string{"max_age", "expires"}, []string{"ttl"}},
		{[]string{"rewrite", "uri"}, []string{"path"}},
		{[]string{"limit"}, []string{"size"}},
		{[]string{"include", "preload", "expand"}, []string{"embed"}},
		{[]string{"actions"}, []string{"only"}},
		{[]string{"access", "policy", "policies", "permissions"}, []string{"allow"}},
		{[]string{"on", "events", "handlers"}, []string{"handle_in"}},
		// Plugs.
		{[]string{"authenticate", "auth"}, []string{"verify_token"}},
		{[]string{"authorize"}, []string{"require"}},
		{[]string{"throttle"}, []string{"rate_limit"}},
		{[]string{"forward", "reverse_proxy", "proxy_pass"}, []string{"proxy"}},
		{[]string{"set_header", "set_headers", "add_header", "response_headers"}, []string{"put_resp_header"}},
		{[]string{"set_cookie"}, []string{"put_resp_cookie"}},
		{[]string{"response", "respond"}, []string{"send_resp"}},
		{[]string{"template", "view", "html"}, []string{"render"}},
		{[]string{"set", "let"}, []string{"assign"}},
		{[]string{"sql", "select"}, []string{"query"}},
		{[]string{"fetch"}, []string{"http"}},
		{[]string{"publish", "emit"}, []string{"broadcast"}},
		// Fields of a schema, their types and what a resource does.
		{[]string{"belongs_to", "foreign_key"}, []string{"references"}},
		{[]string{"min", "max", "range"}, []string{"number"}},
		{[]string{"min_length", "max_length", "size"}, []string{"length"}},
		{[]string{"pattern", "regex"}, []string{"format", "matches"}},
		{[]string{"enum", "options", "choices"}, []string{"values"}},
		{[]string{"varchar"}, []string{"string"}},
		{[]string{"number", "double", "real"}, []string{"float"}},
		{[]string{"numeric"}, []string{"decimal"}},
		{[]string{"timestamp", "timestamptz"}, []string{"datetime"}},
		{[]string{"blob", "bytea", "bytes"}, []string{"binary"}},
		{[]string{"list"}, []string{"index", "array"}},
		{[]string{"get"}, []string{"show"}},
		{[]string{"insert"}, []string{"create"}},
		{[]string{"destroy", "remove"}, []string{"delete"}},
		{[]string{"delete"}, []string{"cascade"}},
		{[]string{"set_null"}, []string{"nullify"}},
		{[]string{"no_action"}, []string{"restrict"}},
		// Functions.
		{[]string{"bcrypt", "argon2"}, []string{"hash_password"}},
		{[]string{"size"}, []string{"len"}},
		{[]string{"contains", "includes"}, []string{"has"}},
		{[]string{"today"}, []string{"now"}},
		{[]string{"to_json", "json_encode"}, []string{"toJSON"}},
		// Commands.
		{[]string{"run", "start", "up"}, []string{"serve"}},
		{[]string{"validate", "lint"}, []string{"check"}},
	}
}
