package system

import "brokeforge/packages"

// Units returns fail2ban's service.
func (Fail2ban) Units(packages.Context) []string { return []string{"fail2ban"} }

// Units returns the service of cron, which runs the scheduled tasks.
func (Scheduler) Units(packages.Context) []string { return []string{"cron"} }

// Units returns supervisor's service.
func (Supervisor) Units(packages.Context) []string { return []string{"supervisor"} }
