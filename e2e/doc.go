// Package e2e tests BrokeForge as a whole: the built program works on real
// Debian hosts, and what is asked afterwards is whether they are as it says.
package e2e
