package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/observe"
)

func (a *admin) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.index)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /metrics", a.metrics)
	mux.HandleFunc("POST /reload", a.reload)
	mux.HandleFunc("GET /config", a.config)
	mux.HandleFunc("GET /routes", a.routes)
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // a client that went away is no fault of ours
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		plain(w, http.StatusInternalServerError, "the answer has no form in JSON\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// wants tells whether the caller prefers a format, by ?format= or else by Accept.
func wants(r *http.Request, format, mime string) bool {
	if asked := r.URL.Query().Get("format"); asked != "" {
		return asked == format
	}
	return strings.Contains(r.Header.Get("Accept"), mime)
}

type readiness struct {
	Status     string `json:"status"`
	Generation int    `json:"generation"`
	Parts      []part `json:"parts"`
}

type part struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// ready answers 200 while requests can be answered: not while the process ends, nor while a
// part of what `ready` names is away. A caller without the token, where there is one, learns
// no more than that, and has nothing else asked.
func (a *admin) ready(w http.ResponseWriter, r *http.Request) {
	current := a.server.App()
	health, settings := current.Env.Observe.Health(), &current.Manifest.Endpoint.Admin
	stranger := settings.Token != "" && !holds(r, string(settings.Token))
	var parts []observe.Part
	if stranger {
		parts = health.Parts(r.Context(), settings.Ready...)
	} else {
		parts = health.All(r.Context(), settings.Ready)
	}
	out, status := readiness{Status: "ok", Generation: a.server.operations.process.Generation(), Parts: make([]part, 0, len(parts))}, http.StatusOK
	for _, p := range parts {
		one := part{Kind: p.Kind, Name: p.Name, OK: p.Err == nil}
		if p.Err != nil {
			one.Error = p.Err.Error()
		}
		if p.Err != nil && slices.Contains(settings.Ready, p.Kind) {
			out.Status, status = "unavailable", http.StatusServiceUnavailable
		}
		out.Parts = append(out.Parts, one)
	}
	if health.Draining() {
		out.Status, status = "draining", http.StatusServiceUnavailable
	}
	if stranger {
		plain(w, status, out.Status+"\n")
		return
	}
	writeJSON(w, status, out)
}

func (a *admin) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", observe.ContentType)
	_, _ = w.Write(a.server.operations.process.Metrics(nil))
}

// reload reads the manifest again: 200 with the generation, or 422 with its faults.
func (a *admin) reload(w http.ResponseWriter, r *http.Request) {
	if err := a.server.Ready(); err != nil {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
		return
	}
	err := a.server.Reload()
	var invalid *Invalid
	text := wants(r, "text", "text/")
	switch {
	case err == nil && text:
		plain(w, http.StatusOK, fmt.Sprintf("generation %d\n", a.server.operations.process.Generation()))
	case err == nil:
		writeJSON(w, http.StatusOK, map[string]int{"generation": a.server.operations.process.Generation()})
	case !errors.As(err, &invalid):
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	default:
		refusedReload(w, invalid.Loaded.Problems, text)
	}
}

// refusedReload tells the faults. Lines of the manifest are not shown: they may hold secrets.
func refusedReload(w http.ResponseWriter, problems []*diag.Problem, text bool) {
	var told, list bytes.Buffer
	diag.Text(&told, problems, func(string) string { return "" })
	if text {
		plain(w, http.StatusUnprocessableEntity, told.String())
		return
	}
	if err := diag.JSON(&list, problems); err != nil {
		plain(w, http.StatusUnprocessableEntity, told.String())
		return
	}
	writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"problems": json.RawMessage(list.Bytes()), "text": told.String()})
}

// config shows the manifest that is served, without secrets.
func (a *admin) config(w http.ResponseWriter, r *http.Request) {
	m := a.server.App().Manifest
	if wants(r, "json", "application/json") {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(source.AppendJSON(nil, m.Shown()), '\n'))
		return
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	head := fmt.Sprintf("# %s as it is served, environment %s, generation %d\n", m.Document.Files[0].Name, m.Environment, a.server.operations.process.Generation())
	_, _ = w.Write(source.AppendYAML([]byte(head), m.Shown()))
}

type routeLine struct {
	Method   string   `json:"method"`
	Path     string   `json:"path"`
	Through  []string `json:"pipe_through"`
	Answers  string   `json:"answers"`
	Position string   `json:"at"`
}

func routeLines(current *app.App) []routeLine {
	lines := make([]routeLine, 0, len(current.Routes))
	for i := range current.Routes {
		r := &current.Routes[i]
		method, path, _ := strings.Cut(r.Label(), " ")
		answers, _, _ := strings.Cut(r.Handler, " ") // what it answers with may be anything
		lines = append(lines, routeLine{method, path, append([]string{}, r.Pipelines...), answers, fmt.Sprintf("%s:%d", r.At.File, r.At.Line)})
	}
	return lines
}

func (a *admin) routes(w http.ResponseWriter, r *http.Request) {
	lines := routeLines(a.server.App())
	if wants(r, "json", "application/json") {
		writeJSON(w, http.StatusOK, lines)
		return
	}
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		through := strings.Join(l.Through, ", ")
		if through == "" {
			through = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.Method, l.Path, through, l.Answers, l.Position)
	}
	_ = table.Flush() // into memory
	plain(w, http.StatusOK, out.String())
}

var indexPage = template.Must(template.New("admin").Parse(`<!doctype html>
<meta charset="utf-8"><title>{{.Name}}: admin</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}td{padding-right:1.5rem}</style>
<h1>{{.Name}}</h1>
<p>Generation {{.Generation}}, environment {{.Environment}}, gateway {{.Version}}, up {{.Up}}.</p>
<table>
<tr><td><a href="/livez">/livez</a><td>the process runs
<tr><td><a href="/readyz">/readyz</a><td>requests can be answered
<tr><td><a href="/metrics">/metrics</a><td>counters for Prometheus
<tr><td><a href="/config">/config</a><td>the manifest, without secrets (<a href="/config?format=json">json</a>)
<tr><td><a href="/routes">/routes</a><td>the routing table (<a href="/routes?format=json">json</a>)
</table>
<form method="post" action="/reload?format=text"><button>Reload the manifest</button></form>
`))

func (a *admin) index(w http.ResponseWriter, _ *http.Request) {
	m := a.server.App().Manifest
	name := m.Name
	if name == "" {
		name = "gateway"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = indexPage.Execute(w, map[string]any{ // a client that went away is no fault of ours
		"Name": name, "Generation": a.server.operations.process.Generation(), "Environment": m.Environment, "Version": a.server.options.Version,
		"Up": a.server.operations.process.Up().Round(time.Second).String(),
	})
}
