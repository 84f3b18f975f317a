package sites

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// publishedKeys returns the fingerprints of the host keys that the large forges
// publish, by host. They were read in November 2026 in stored copies of these pages:
//
//   - GitHub: docs.github.com, "GitHub's SSH key fingerprints"; the RSA key is the one
//     that has been in use since March 2023
//   - GitLab.com: about.gitlab.com/gitlab-com/settings, "SSH host keys fingerprints"
//   - Bitbucket Cloud: support.atlassian.com, "Configure SSH and two-step
//     verification"; all are those that have been in use since June 2023
//   - Codeberg: docs.codeberg.org/security/ssh-fingerprint
//
// A forge that has changed its keys since is refused until the new ones are given with
// the option host-key.
func publishedKeys() map[string][]string {
	return map[string][]string{
		"github.com": {
			"SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", // Ed25519
			"SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM", // ECDSA
			"SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s", // RSA
		},
		"gitlab.com": {
			"SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8", // Ed25519
			"SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw", // ECDSA
			"SHA256:ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ", // RSA
		},
		"bitbucket.org": {
			"SHA256:ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM", // Ed25519
			"SHA256:FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0", // ECDSA
			"SHA256:46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E", // RSA
		},
		"codeberg.org": {
			"SHA256:mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g", // Ed25519
			"SHA256:T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E", // ECDSA
			"SHA256:6QQmYi4ppFS4/+zSZ5S4IU+4sa6rwvQ4PbhCtPEBekQ", // RSA
		},
	}
}

// fingerprintPattern is what ssh-keygen -l prints: SHA-256 in base64 without padding.
var fingerprintPattern = regexp.MustCompile(`^SHA256:[A-Za-z0-9+/]{43}$`)

// fingerprintsOf returns the fingerprints that a value of the option host-key names:
// fingerprints themselves, or a public key with or without hosts before it, as
// known_hosts has it.
func fingerprintsOf(value string) ([]string, error) {
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !fingerprintPattern.MatchString(w) }) {
		return words, nil
	}
	fields := strings.Fields(value)
	for i, field := range fields {
		if i+1 < len(fields) && (strings.HasPrefix(field, "ssh-") || strings.HasPrefix(field, "ecdsa-") || strings.HasPrefix(field, "sk-")) {
			key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(field + " " + fields[i+1]))
			if err != nil {
				return nil, fmt.Errorf("is no public key that can be read")
			}
			return []string{ssh.FingerprintSHA256(key)}, nil
		}
	}
	return nil, errors.New("is neither a fingerprint, such as SHA256: and 43 characters, nor a line of known_hosts")
}

func acceptHostKey(value string) error {
	_, err := fingerprintsOf(value)
	return err
}

// trustedKeys returns the fingerprints that a git server may show: those that were
// given, else those that the forge publishes.
func trustedKeys(host, given string) ([]string, error) {
	if given != "" {
		return fingerprintsOf(given)
	}
	return publishedKeys()[strings.ToLower(host)], nil
}
