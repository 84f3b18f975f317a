package store

import (
	"fmt"
	"time"
)

// Alert is something that is wrong on a server, from when it was seen until it is
// over. It is kept when its server is removed.
type Alert struct {
	ID          ID        `json:"id"`
	ServerID    ID        `json:"server_id"`
	ServerName  string    `json:"server_name"` // as it was then
	Kind        string    `json:"kind"`        // what it is about, such as "disk /var"; of each kind a server has one open at most
	Text        string    `json:"text"`        // what is wrong, for people
	RaisedAt    time.Time `json:"raised_at"`
	ClearedAt   time.Time `json:"cleared_at,omitzero"`
	NotifyError string    `json:"notify_error,omitempty"` // why nobody was told of it
}

// Open reports whether the alert is not over.
func (a Alert) Open() bool { return a.ClearedAt.IsZero() }

// PutAlert records a new alert, or the change of the one with its ID. It fills in
// the ID. An open one of a kind that the server has open already takes that one's
// ID.
func (tx *Tx) PutAlert(a *Alert) error {
	if err := checkText("the alert's kind", a.Kind); err != nil {
		return err
	}
	if err := a.ServerID.check(); err != nil {
		return fmt.Errorf("record an alert: server %q: %w", a.ServerID, err)
	}
	key := string(a.ServerID) + a.Kind
	held := tx.bucket(alertsOpenBucket).Get([]byte(key))
	if a.ID == "" && a.Open() && held != nil {
		a.ID = ID(held)
	}
	if err := tx.identify("alert", &a.ID); err != nil {
		return err
	}
	var err error
	if a.Open() {
		err = tx.write(alertsOpenBucket, key, []byte(a.ID))
	} else if ID(held) == a.ID {
		err = tx.remove(alertsOpenBucket, key)
	}
	if err != nil {
		return err
	}
	return writeRecord(tx, alertsBucket, string(a.ID), a)
}

// OpenAlerts returns the open alerts of a server, sorted by kind. An empty server
// means all.
func (tx *Tx) OpenAlerts(server ID) ([]Alert, error) {
	var all []Alert
	for _, id := range tx.forward(alertsOpenBucket, string(server)) {
		a, err := indexed[Alert](tx, alertsBucket, string(id))
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// Alerts returns the newest alerts, newest first, at most limit.
func (tx *Tx) Alerts(limit int) ([]Alert, error) {
	var all []Alert
	for key, value := range tx.backward(alertsBucket, "", "") {
		if len(all) >= limit {
			break
		}
		a, err := decodeRecord[Alert](tx, alertsBucket, key, value)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// EndWatch deletes the samples of a server and ends its open alerts.
func (tx *Tx) EndWatch(server ID) error {
	if err := tx.DeleteSamples(server); err != nil {
		return err
	}
	open, err := tx.OpenAlerts(server)
	if err != nil {
		return err
	}
	for _, a := range open {
		a.ClearedAt = tx.now()
		if err := tx.PutAlert(&a); err != nil {
			return err
		}
	}
	return nil
}
