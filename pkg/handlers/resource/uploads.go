package resource

import (
	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A saver keeps the file of a field.
type saver struct {
	field int
	name  string
	save  pipeline.Plug
}

// savers compiles `uploads` for an action that writes.
func (x *rules) saversOf(b *pipeline.Build) []saver {
	var list []saver
	for _, u := range x.entry.Uploads {
		options := source.NewMap(u.Value.At)
		from := source.NewScalar(u.At, "from")
		options.Entries = append([]source.Entry{{Key: from, Value: source.NewScalar(u.At, "${params."+u.Name+"}")}}, u.Value.Entries...)
		if plug := b.Inner(x.entry.SaveUpload, options); plug != nil {
			list = append(list, saver{field: x.table.Set.Index(u.Name), name: u.Name, save: plug})
		}
	}
	return list
}

// holder stands for the name of a file while the other fields are checked.
const holder = "0123456789abcdefghijkl.xxxx"

// files takes the files out of what was sent. What is not a file cannot be the name of one:
// a client would name any file. An empty field keeps what is there.
func (x *rules) files(given map[string]any) ([]saver, error) {
	var found []saver
	for _, s := range x.savers {
		v, there := given[s.name]
		if !there {
			continue
		}
		switch v.(type) {
		case *pipeline.Upload:
			given[s.name] = holder
			found = append(found, s)
		case nil: // JSON alone can say it: no file any more
		default:
			if v == "" {
				delete(given, s.name)
				continue
			}
			return nil, invalid(map[string][]string{s.name: {"is not a file"}})
		}
	}
	return found, nil
}

// keepFiles saves the files, once all fields are known to be valid, and puts their names
// into the changes.
func keepFiles(c *pipeline.Context, found []saver, changes *changeset.Changes) error {
	for _, s := range found {
		v, err := s.save(c)
		if err != nil {
			return unfit(err)
		}
		kept, _ := v.(map[string]any)
		changes.Put(s.field, kept["name"])
	}
	return nil
}
