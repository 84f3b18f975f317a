package sites

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"brokeforge/packages"
)

const (
	domainOption    = packages.DomainOption
	aliasesOption   = "aliases"
	kindOption      = "kind"
	webOption       = "web-directory"
	phpOption       = "php"
	ownUserOption   = "own-user"
	bodyOption      = "body-size"
	targetOption    = "target"
	childrenOption  = "php-processes"
	defaultOption   = "default-site"
	overwriteOption = "overwrite"

	archiveOption = "archive"
)

// The kinds of sites.
const (
	static    = "static"
	phpKind   = "php"
	laravel   = "laravel"
	wordpress = "wordpress"
	proxy     = "proxy"
)

const (
	// autoPHP is the version that sites have which choose none.
	autoPHP         = "auto"
	distributionPHP = "distribution"
)

func options() []packages.Option {
	return []packages.Option{
		{
			Name: domainOption, Label: "Domain", Kind: packages.Text, Required: true,
			Help: "the name that the site answers to, such as example.org", Validate: acceptDomain,
		},
		{
			Name: aliasesOption, Label: "Aliases", Kind: packages.Text,
			Help: "other names that it answers to, such as www.example.org", Validate: acceptAliases,
		},
		{
			Name: kindOption, Label: "Kind", Kind: packages.Choice, Default: static, Required: true,
			Choices: []string{static, phpKind, laravel, wordpress, proxy},
			Help:    "files alone, PHP, a framework in PHP, WordPress, or a program behind a port or socket",
		},
		{
			Name: webOption, Label: "Web directory", Kind: packages.Text,
			Help: "the folder below a release that is served; empty: public for laravel, else all of it", Validate: acceptWeb,
		},
		{
			Name: targetOption, Label: "Target", Kind: packages.Text,
			Help: "of a proxy: a port, HOST:PORT, or the path of a socket", Validate: acceptTarget,
		},
		{
			Name: phpOption, Label: "PHP", Kind: packages.Choice, Default: autoPHP, Required: true,
			Choices: []string{autoPHP, distributionPHP, "7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5"},
			Help:    "auto keeps it, or takes the default of sites; another is installed beside",
		},
		{
			Name: childrenOption, Label: "PHP processes", Kind: packages.Number, Default: "10", Required: true, Min: 1, Max: 1000,
			Help: "at most, at a time; idle ones end",
		},
		{
			Name: ownUserOption, Label: "User of its own", Kind: packages.YesNo, Default: "yes",
			Help: "its files and PHP belong to a user that no other site can read of; else to the app user",
		},
		{
			Name: bodyOption, Label: "Largest upload", Kind: packages.Text, Default: "64m", Required: true,
			Help: "the largest body of a request, such as 64m", Validate: acceptSize,
		},
		{
			Name: defaultOption, Label: "Default site", Kind: packages.YesNo, Default: "no",
			Help: "answers for every name that no site has; one site of a server can",
		},
		{
			Name: overwriteOption, Label: "Overwrite", Kind: packages.YesNo, Default: "no",
			Help: "write settings anew that somebody has changed by hand; else that is refused",
		},
	}
}

// maxDomain leaves room in the names of a site's files, which begin with its domain, for
// what goes before and behind it: file systems take 255 characters.
const maxDomain = 220

func acceptDomain(value string) error {
	domain, err := packages.CleanDomain(value)
	if err == nil && len(domain) > maxDomain {
		return fmt.Errorf("has %d characters, %d are allowed for what a site's files are named after: let a longer one be an alias", len(domain), maxDomain)
	}
	return err
}

// maxAliases keeps the line of names within what nginx takes.
const maxAliases = 50

func acceptAliases(value string) error {
	words := splitNames(value)
	if len(words) > maxAliases {
		return fmt.Errorf("has %d names, %d are allowed", len(words), maxAliases)
	}
	for _, word := range words {
		if _, err := packages.CleanDomain(word); err != nil {
			return fmt.Errorf("has %q, which %w", word, err)
		}
	}
	return nil
}

// plainPath are the characters that need no quoting anywhere.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

func acceptWeb(value string) error {
	switch {
	case !plainPath.MatchString(value) || len(value) > 200:
		return errors.New("has other characters than letters, digits and . _ - /, or very many")
	case strings.HasPrefix(value, "/") || path.Clean(value) != strings.TrimSuffix(value, "/"):
		return errors.New("is not a plain path below the release: no / at its beginning, no . or .. in it")
	case slices.ContainsFunc(strings.Split(value, "/"), func(p string) bool { return strings.HasPrefix(p, ".") || strings.HasPrefix(p, "-") }):
		return errors.New("has a part that begins with a dot or a dash")
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func acceptTarget(value string) error {
	_, err := upstream(value)
	return err
}

// upstream is a target as proxy_pass of nginx takes it.
func upstream(value string) (string, error) {
	if strings.HasPrefix(value, "/") {
		if !plainPath.MatchString(value) || path.Clean(value) != value || len(value) > 100 {
			return "", errors.New("is not the plain path of a socket, of at most 100 characters")
		}
		return "http://unix:" + value + ":", nil
	}
	host, port := "127.0.0.1", value
	if at := strings.LastIndex(value, ":"); at >= 0 {
		host, port = value[:at], value[at+1:]
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return "", errors.New("is neither a port from 1 to 65535, HOST:PORT, nor the path of a socket")
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && addr.Is6() && addr.Zone() == "" {
		return fmt.Sprintf("http://[%s]:%s", addr, port), nil
	}
	if !hostName.MatchString(host) || len(host) > 253 {
		return "", fmt.Errorf("has %q, which is no host", host)
	}
	return "http://" + host + ":" + port, nil
}

// nginx's own form of a size, without those that PHP does not know.
var sizePattern = regexp.MustCompile(`^[1-9][0-9]{0,5}[kKmMgG]$`)

func acceptSize(value string) error {
	if !sizePattern.MatchString(value) {
		return errors.New("is not a size: a number with k, m or g, such as 64m")
	}
	return nil
}

// bytesOf returns how many bytes a size is.
func bytesOf(size string) int64 {
	n, err := strconv.ParseInt(size[:len(size)-1], 10, 64)
	if err != nil {
		return 0 // can't be: it was accepted
	}
	return n << map[byte]int{'k': 10, 'm': 20, 'g': 30}[strings.ToLower(size)[len(size)-1]]
}
