package render

import "embed"

// The components that every application has, as core_components of Phoenix. A file of the
// same name in templates/components takes the place of one.
//
//go:embed components/*.html
var builtinFiles embed.FS

// builtin gives their texts by name.
func builtin() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"button", "error", "flash_group", "form", "input"} {
		text, err := builtinFiles.ReadFile("components/" + name + ".html")
		if err == nil {
			out[name] = string(text)
		}
	}
	return out
}
