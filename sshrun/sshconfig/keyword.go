package sshconfig

import (
	"slices"
	"strconv"
	"strings"
)

// harmless are the keywords of ssh_config(5), of OpenSSH 10.0, that may be passed
// over: they change neither whom one reaches nor how one logs in there, or are for
// terminals, forwarding and other things that are not done here.
var harmless = strings.Fields(`addkeystoagent batchmode channeltimeout checkhostip clearallforwardings compression
	compressionlevel connectionattempts connecttimeout controlmaster controlpath controlpersist dynamicforward
	enableescapecommandline enablesshkeysign escapechar exitonforwardfailure fingerprinthash
	forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports
	gssapiauthentication gssapidelegatecredentials gssapikeyexchange gssapiclientidentity gssapirenewalforcesrekey
	gssapitrustdns gssapiserveridentity gssapikexalgorithms hashknownhosts ignoreunknown ipqos localcommand localforward
	loglevel logverbose nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming permitlocalcommand
	permitremoteopen protocol refuseconnection rekeylimit remotecommand remoteforward requesttty requiredrsasize
	sendenv serveralivecountmax serveraliveinterval sessiontype setenv stdinnull streamlocalbindmask
	streamlocalbindunlink syslogfacility tcpkeepalive tunnel tunneldevice updatehostkeys useconnectionhash usekeychain
	userknownhostscommand versionaddendum visualhostkey warnweakcrypto xauthlocation`)

// usual are values with which a keyword that matters asks for nothing else than what
// is done anyway.
var usual = map[string][]string{
	"addressfamily": {"any"}, "canonicalizehostname": {"no", "false", "none"}, "hostbasedauthentication": {"no"},
	"kbdinteractiveauthentication": {"yes"}, "challengeresponseauthentication": {"yes"}, "passwordauthentication": {"yes"},
	"pubkeyauthentication": {"yes", "unbound", "host-bound"}, "stricthostkeychecking": {"yes", "ask", "true"},
	"verifyhostkeydns": {"no", "false"}, "proxyusefdpass": {"no"}, "revokedhostkeys": {"none"}, "pkcs11provider": {"none"},
	"securitykeyprovider": {"internal"}, "knownhostscommand": {"none"}, "stricthostkey": {"yes"},
}

// passedOver reports whether a line that is not followed need not be told of.
func passedOver(l line) bool {
	keyword := strings.ToLower(l.keyword)
	if slices.Contains(harmless, keyword) {
		return true
	}
	return len(l.args) == 1 && slices.Contains(usual[keyword], strings.ToLower(l.args[0]))
}

// checkValue refuses values that make no sense.
func checkValue(l line) error {
	switch strings.ToLower(l.keyword) {
	case "port":
		if n, err := strconv.ParseUint(l.args[0], 10, 16); err != nil || n == 0 {
			return l.wrong("Port %s: a port is a number from 1 to 65535", l.args[0])
		}
	case "identitiesonly":
		if _, ok := truth(l.args[0]); !ok {
			return l.wrong("IdentitiesOnly %s: it is yes or no", l.args[0])
		}
	case "proxyjump":
		if len(l.args) > 1 {
			return l.wrong("ProxyJump: several hosts are separated by commas without blanks")
		}
		if _, err := parseJump(l.args[0]); err != nil {
			return l.wrong("ProxyJump %s: %v", l.args[0], err)
		}
		return nil
	case "user", "hostname", "hostkeyalias", "identityagent":
	default:
		return nil
	}
	switch {
	case len(l.args) > 1:
		return l.wrong("%s has more than one value", l.keyword)
	case l.args[0] == "":
		return l.wrong("%s has no value", l.keyword)
	}
	return nil
}

func truth(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "true":
		return true, true
	case "no", "false":
		return false, true
	}
	return false, false
}

// criteria are the conditions of a Match, with whether each has a value.
var criteria = map[string]bool{
	"all": false, "host": true, "originalhost": true, "user": true, "localuser": true,
	"canonical": false, "final": false, "exec": true, "localnetwork": true, "tagged": true, "command": true,
	"version": true, "sessiontype": true,
}

// A criterion is one condition of a Match.
type criterion struct {
	name    string // in lower case, without "!"
	negated bool
	value   string
}

// parseMatch returns the conditions of a Match line.
func parseMatch(l line) ([]criterion, error) {
	var list []criterion
	for i := 0; i < len(l.args); i++ {
		name, value, joined := strings.Cut(l.args[i], "=")
		c := criterion{name: strings.ToLower(strings.TrimPrefix(name, "!")), negated: strings.HasPrefix(name, "!"), value: value}
		valued, known := criteria[c.name]
		switch {
		case !known:
			return nil, l.wrong("Match: there is no condition %q", name)
		case valued && !joined:
			if i++; i == len(l.args) {
				return nil, l.wrong("Match: %s has no value", name)
			}
			c.value = l.args[i]
		case joined && !valued:
			return nil, l.wrong("Match: %s takes no value", name)
		}
		if c.name == "all" && (c.negated || len(l.args) > 2) {
			return nil, l.wrong("Match: all can't be combined with other conditions")
		}
		list = append(list, c)
	}
	return list, nil
}

func checkCondition(l line) error {
	if l.is("Match") {
		_, err := parseMatch(l)
		return err
	}
	for _, pattern := range l.args {
		if strings.TrimPrefix(pattern, "!") == "" {
			return l.wrong("Host: a pattern is empty")
		}
	}
	return nil
}
