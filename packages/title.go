package packages

import "brokeforge/store"

// Phrases say what is done with packages, in the order in which a title has them:
// "install nginx", "php", and then what is done rather than installed, such as
// "deploy".
func Phrases(c Catalog, action store.Action, wants []Want) []string {
	var labels, doing []string
	for _, w := range wants {
		pkg, ok := Find(c, w.Name)
		if ok && action == store.Install && pkg.Describe().Does != "" {
			doing = append(doing, pkg.Describe().Does)
			continue
		}
		labels = append(labels, Label(w.Name, w.Instance))
	}
	if len(labels) > 0 {
		labels[0] = string(action) + " " + labels[0]
	}
	return append(labels, doing...)
}
