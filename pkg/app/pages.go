package app

import (
	"html"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// errorPages are the pages of endpoint.render_errors by status; that of 0 is for all others.
type errorPages map[int]*render.ErrorPage

// namesOfErrors is what the page of an error sees.
func namesOfErrors() map[string]expr.Type {
	return map[string]expr.Type{"status": expr.Int, "title": expr.String, "reason": expr.String, "message": expr.String,
		"errors": expr.OpenMap(), "request_id": expr.Nullable(expr.String)}
}

// compileErrorPages checks the pages that render_errors names.
func compileErrorPages(e *pipeline.Env, ps *diag.Problems) errorPages {
	r := &e.Manifest.Endpoint.RenderErrors
	list := r.Pages
	if r.Folder != nil {
		list = append(list, pagesIn(e, ps, r.Folder)...)
	}
	out := errorPages{}
	for _, t := range list {
		if p := render.CompileErrorPage(e, ps, t.File, r.Layout, namesOfErrors()); p != nil {
			out[t.Status] = p
		}
	}
	return out
}

// pagesIn finds the pages of a folder: 404.html, default.html.
func pagesIn(e *pipeline.Env, ps *diag.Problems, folder *source.Node) (list []config.ErrorTemplate) {
	dir := path.Join("templates", folder.Value)
	e.Files.Add(e.Path(dir))
	files, err := os.ReadDir(e.Path(dir))
	for _, f := range files {
		name, isPage := strings.CutSuffix(f.Name(), ".html")
		status, notNumber := strconv.Atoi(name)
		if !isPage || f.IsDir() || name != "default" && (notNumber != nil || status < 400 || status > 599) {
			continue
		}
		list = append(list, config.ErrorTemplate{Status: status, File: source.NewScalar(folder.At, path.Join(folder.Value, f.Name()))})
	}
	if err != nil || len(list) == 0 {
		ps.Add(folder.At, "missing-template", "there is no page of an error in the folder %s", dir).Suggest("add one named by its status, such as 404.html, or default.html")
	}
	return list
}

// page makes the page of an error: the application's own, or the one that is built in.
func (a *App) page(c *pipeline.Context, dst []byte, r *pipeline.Refusal) []byte {
	p := a.pages[r.Status]
	if p == nil {
		p = a.pages[0]
	}
	if p == nil {
		return errorPage(dst, r)
	}
	data := map[string]any{"status": int64(r.Status), "title": http.StatusText(r.Status), "reason": r.Reason, "message": "", "request_id": nil}
	if r.Status < 500 {
		data["message"] = r.Message
	}
	errs, _ := r.Member("errors")
	data["errors"] = errs
	if c.Request.ID != "" {
		data["request_id"] = c.Request.ID
	}
	out, err := p.Make(dst, data)
	if err != nil {
		a.log.Error("the page of an error could not be made", "status", r.Status, "request_id", c.Request.ID, "error", err)
		return errorPage(dst, r)
	}
	return out
}

// errorPage is the page that is built in. It tells no more than the status.
func errorPage(dst []byte, r *pipeline.Refusal) []byte {
	title := html.EscapeString(strconv.Itoa(r.Status) + " " + http.StatusText(r.Status))
	dst = append(dst, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>"...)
	dst = append(dst, title...)
	dst = append(dst, "</title>\n<style>"+errorStyle+"</style>\n<h1>"...)
	dst = append(dst, title...)
	dst = append(dst, "</h1>\n"...)
	if r.Message != "" && r.Status < 500 {
		dst = append(dst, "<p>"...)
		dst = append(dst, html.EscapeString(r.Message)...)
		dst = append(dst, "</p>\n"...)
	}
	return append(dst, "</html>\n"...)
}

const errorStyle = "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}h1{font-weight:600}"

// errorJSON is what clients get that are no browsers, in the form that render_errors says.
// Those of the routes of a resource read PostgREST's members, whoever refuses.
func (a *App) errorJSON(c *pipeline.Context, dst []byte, r *pipeline.Refusal) (contentType []string, body []byte) {
	if a.Manifest.Endpoint.RenderErrors.JSON != "phoenix" {
		dst = pipeline.ProblemJSON(dst, r)
		if c.Place == pipeline.Route && c.Match.Status == http.StatusOK && a.Routes[c.Match.Route].dialect {
			dst = appendDialect(dst[:len(dst)-1], r.Reason, "", r)
		}
		return problemType, dst
	}
	errs, _ := r.Member("errors")
	if len(r.Errors) == 0 {
		detail := r.Message
		if detail == "" || r.Status >= 500 {
			detail = http.StatusText(r.Status)
		}
		errs = map[string]any{"detail": detail}
	}
	dst, _ = value.AppendJSON(append(dst, `{"errors":`...), errs)
	return pipeline.JSONType, append(dst, '}')
}

// appendDialect appends the members that PostgREST's clients read, and the end of the object.
func appendDialect(dst []byte, code, hint string, r *pipeline.Refusal) []byte {
	message := r.Message
	if message == "" {
		message = http.StatusText(r.Status)
	}
	dst = value.AppendJSONString(append(dst, `,"code":`...), code)
	dst = value.AppendJSONString(append(dst, `,"message":`...), message)
	if hint == "" {
		return append(dst, `,"details":null,"hint":null}`...)
	}
	return append(value.AppendJSONString(append(dst, `,"details":null,"hint":`...), hint), '}')
}
