package system

import (
	"strings"
	"testing"
)

func TestExpressions(t *testing.T) {
	for _, good := range []string{
		"* * * * *", "*/5 * * * *", "0 0 1 1 *", "59 23 31 12 7", "0-10/2,30,40-59 * * * *", "0 0 * jan sun", "0 0 * JAN Mon",
		"  1   2 3\t4 5 ", "0 0 29 2 *", "0 0 31 2 1", "00 007 1 1 0", "*/60 */24 */31 */12 */8", "*,5 * * * *",
	} {
		if err := acceptExpression(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, reason := range map[string]string{
		"":                                     "0 fields",
		"* * * *":                              "4 fields",
		"* * * * * *":                          "6 fields",
		"0 0 * * * root":                       "6 fields",
		"@reboot":                              "nickname",
		"@daily":                               "nickname",
		"60 * * * *":                           "minute \"60\", which has 60, but it goes from 0 to 59",
		"* 24 * * *":                           "0 to 23",
		"* * 0 * *":                            "1 to 31",
		"* * 32 * *":                           "1 to 31",
		"* * * 0 *":                            "1 to 12",
		"* * * 13 *":                           "1 to 12",
		"* * * * 8":                            "0 to 7",
		"*/0 * * * *":                          "1 to 60",
		"*/61 * * * *":                         "1 to 60",
		"5/10 * * * *":                         "say 5-59/10",
		"10-5 * * * *":                         "ends before it begins",
		"1-2-3 * * * *":                        "no number",
		"-1 * * * *":                           "no number",
		"+1 * * * *":                           "no number",
		"1, * * * *":                           "no number",
		",1 * * * *":                           "no number",
		"1,,2 * * * *":                         "no number",
		"a * * * *":                            "no number",
		"99999999999 * * * *":                  "no number",
		"* * * jan,feb *":                      "numbers only",
		"* * * * mon-fri":                      "numbers only",
		"* * * foo *":                          "no number",
		"*/ * * * *":                           "no number",
		"/5 * * * *":                           "no number",
		"** * * * *":                           "no number",
		"*/2/2 * * * *":                        "no number",
		"~ * * * *":                            "no number",
		"H * * * *":                            "no number",
		"0 0 31 2 *":                           "never comes",
		"0 0 30,31 feb *":                      "never comes",
		"0 0 31 4,6,9,11 *":                    "never comes",
		"* * * * %":                            "no number",
		"* * * * $(id)":                        "no number",
		"* * * * ;id":                          "no number",
		"* * * * ١":                            "no number",
		strings.Repeat("1,", 99) + "1 * * * *": "longer than",
	} {
		if err := acceptExpression(bad); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: got %v, want %q", bad, err, reason)
		}
	}
}

func FuzzExpression(f *testing.F) {
	f.Add("*/5 0-6/2 1,2 jan 7")
	f.Fuzz(func(t *testing.T, value string) {
		if acceptExpression(value) != nil {
			return
		}
		// What stands in cron's file is one line of five fields.
		if len(strings.Fields(value)) != 5 || strings.Trim(strings.ToLower(value), "0123456789*/,- \t\n\v\f\rabcdefghijlmnoprstuvwy\u0085\u00a0\u2028\u2029") != "" {
			t.Errorf("%q is taken", value)
		}
	})
}
