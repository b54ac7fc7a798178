// Package data holds the plugs that read and write stores.
package data

import "github.com/openmanifest/gateway/pkg/pipeline"

// All lists the plugs of this group.
func All() []*pipeline.Def {
	return []*pipeline.Def{Query(), QueryOne(), Execute(), Insert(), update(), remove(), transaction(), SaveUpload()}
}

// places is where the plugs of this group stand: everywhere but before the match.
const places = pipeline.Route | pipeline.Connect | pipeline.Channel

// The ways in which data plugs refuse.
func notFound() pipeline.Reason { return pipeline.Reason{Name: "not_found", Status: 404} }
func invalid() pipeline.Reason  { return pipeline.Reason{Name: "invalid", Status: 400} }
func unfit() pipeline.Reason    { return pipeline.Reason{Name: "invalid", Status: 422} }
func conflict() pipeline.Reason { return pipeline.Reason{Name: "conflict", Status: 409} }

func update() *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: "update", Group: "data", Doc: "Changes a row of a schema, with its validations.",
		Places: places, Fails: []pipeline.Reason{unfit(), notFound(), conflict()}, Result: "the row"})
}

func remove() *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: "delete", Group: "data", Doc: "Deletes a row of a schema.",
		Places: places, Fails: []pipeline.Reason{notFound(), conflict()}, Result: "the row"})
}

func transaction() *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: "transaction", Group: "data", Doc: "Runs plugs of which all writes are kept, or none.",
		Places: places, Fails: []pipeline.Reason{unfit(), notFound(), conflict()}})
}
