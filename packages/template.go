package packages

import (
	"bytes"
	"fmt"
	"io/fs"
	"text/template"
)

// Render fills a template, which is the file of that name in the folder templates.
// A key that the data lacks is an error.
func Render(files fs.FS, name string, data any) (string, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(files, "templates/"+name)
	if err != nil {
		return "", fmt.Errorf("read template %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("fill template %s: %w", name, err)
	}
	return b.String(), nil
}
