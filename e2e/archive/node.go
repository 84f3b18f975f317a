package archive

import "strings"

// Node returns a package that behaves as NodeSource's of Node.js does, as far as something that
// installs it can see.
func Node(major string) Deb {
	fill := strings.NewReplacer("MAJOR", major).Replace
	return Deb{
		Name: "nodejs", Version: major + ".99.0-1nodesource1",
		Control: []string{"Provides: npm, node", "Conflicts: npm", "Replaces: npm"},
		Files: map[string]string{
			"usr/bin/node": fill("#!/bin/sh\necho vMAJOR.99.0\n"),
			"usr/bin/npm":  "#!/bin/sh\necho 10.99.0\n",
			"usr/lib/node_modules/corepack/dist/yarn.js": "\n",
			"usr/lib/node_modules/corepack/dist/pnpm.js": "\n",
			"usr/bin/corepack": `#!/bin/sh
for name in yarn pnpm; do
	case $1 in
	enable) ln -sf ../lib/node_modules/corepack/dist/$name.js /usr/bin/$name ;;
	disable) rm -f /usr/bin/$name ;;
	esac
done
`,
		},
	}
}
