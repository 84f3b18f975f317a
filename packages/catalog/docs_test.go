package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
)

// TestDocs holds docs/packages.md to what the catalog says. With -update it is
// written anew.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "packages.md")
	got := docs(catalog.New())
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/packages.md is not what the catalog says; write it with: go test ./packages/catalog -update (-file +catalog):\n%s", diff)
	}
}

func docs(c *catalog.Catalog) string {
	var b strings.Builder
	b.WriteString(`# Packages and their options

What can be installed, with the options of each, as "brokeforge packages" lists it. This file is written from the
catalog: go test ./packages/catalog -update.
`)
	for t, list := range c.ByType() {
		fmt.Fprintf(&b, "\n## %s\n", t)
		for _, p := range list {
			b.WriteString(docsOf(p))
		}
	}
	fmt.Fprintf(&b, "\n## %s\n", packages.SiteType)
	for _, name := range c.SiteNames() {
		p, _ := c.Site(name)
		b.WriteString(docsOf(p))
	}
	return b.String()
}

func docsOf(p packages.Package) string {
	d := p.Describe()
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n%s: %s.\n", p.Name(), d.Title, strings.TrimSuffix(d.Summary, "."))
	var facts []string
	if len(d.Requires) > 0 {
		facts = append(facts, "Requires "+joined(d.Requires)+".")
	}
	if len(d.Conflicts) > 0 {
		facts = append(facts, "Not beside "+joined(d.Conflicts)+".")
	}
	if d.Instance != nil {
		facts = append(facts, "A server may have several.")
	}
	if _, ok := p.(packages.Serviced); ok {
		facts = append(facts, "Its service: `brokeforge service`.")
	}
	server, ok := p.(packages.ServerPackage)
	if _, named := p.(packages.Namer); named || ok && d.Instance == nil && server.Probe() != "" {
		facts = append(facts, "One that is there already can be adopted.")
	}
	if len(facts) > 0 {
		b.WriteString("\n" + strings.Join(facts, " ") + "\n")
	}
	b.WriteString(optionTable("option", p.Name(), d.Options))
	b.WriteString(optionTable("when removed", p.Name(), d.RemoveOptions))
	return b.String()
}

func joined(names []packages.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, string(n))
	}
	return strings.Join(out, ", ")
}

func optionTable(title string, name packages.Name, options []packages.Option) string {
	if len(options) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n| %s | takes | default | |\n| --- | --- | --- | --- |\n", title)
	for _, o := range options {
		takes := o.Kind.String()
		switch {
		case len(o.Choices) > 0 && o.Kind == packages.Several:
			takes = "several of " + strings.Join(o.Choices, ", ")
		case len(o.Choices) > 0:
			takes = "one of " + strings.Join(o.Choices, ", ")
		case o.Min != 0 || o.Max != 0:
			takes = fmt.Sprintf("a number from %d to %d", o.Min, o.Max)
		}
		standard := o.Default
		switch {
		case standard == "" && o.Generate.Length > 0:
			standard = "one is made"
		case standard == "" && o.Required:
			standard = "must be given"
		}
		fmt.Fprintf(&b, "| `%s.%s` | %s | %s | %s |\n", name, o.Name, cell(takes), cell(standard), cell(o.Help))
	}
	return b.String()
}

// cell is a text in a table of Markdown.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
