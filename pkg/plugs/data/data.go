// Package data holds the plugs that read and write stores.
package data

import "github.com/openmanifest/gateway/pkg/pipeline"

// All lists the plugs of this group.
func All() []*pipeline.Def {
	return []*pipeline.Def{Query(), QueryOne(), Execute(), Insert(), Update(), Delete(), Transaction(), SaveUpload()}
}

// places is where the plugs of this group stand: everywhere but before the match.
const places = pipeline.Route | pipeline.Connect | pipeline.Channel

// The ways in which data plugs refuse.
func notFound() pipeline.Reason { return pipeline.Reason{Name: "not_found", Status: 404} }
func invalid() pipeline.Reason  { return pipeline.Reason{Name: "invalid", Status: 400} }
func unfit() pipeline.Reason    { return pipeline.Reason{Name: "invalid", Status: 422} }
func conflict() pipeline.Reason { return pipeline.Reason{Name: "conflict", Status: 409} }
