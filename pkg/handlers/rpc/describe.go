package rpc

import "github.com/openmanifest/gateway/pkg/handlers/openapi"

// describe tells documents what the function takes and gives.
func (f *Function) describe() openapi.Call {
	c := openapi.Call{Name: f.Name}
	for _, o := range f.overloads {
		told := openapi.Function{CatalogFunction: o.CatalogFunction, Media: o.media}
		if !o.scalar {
			told.Rows = o.relation
		}
		c.Functions = append(c.Functions, told)
	}
	return c
}
