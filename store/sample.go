package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Sample is how busy a server was at one time. Shares are in percent from 0 to
// 100, sizes in bytes; a negative rate is not known.
type Sample struct {
	At         time.Time     `json:"at"`
	CPU        float64       `json:"cpu"` // share that was busy since the sample before
	CPUs       int           `json:"cpus"`
	Load       [3]float64    `json:"load"` // over 1, 5 and 15 minutes
	Memory     int64         `json:"memory"`
	MemoryFree int64         `json:"memory_free"` // that can be had without swapping
	Swap       int64         `json:"swap"`
	SwapFree   int64         `json:"swap_free"`
	NetIn      float64       `json:"net_in"` // bytes a second since the sample before, without loopback
	NetOut     float64       `json:"net_out"`
	Disks      []DiskSample  `json:"disks,omitempty"`
	Units      []UnitState   `json:"units,omitempty"`  // those that are watched
	Failed     []string      `json:"failed,omitempty"` // all units that systemd calls failed
	Uptime     time.Duration `json:"uptime"`
	BootID     string        `json:"boot_id,omitempty"`
	Counters   Counters      `json:"counters"`
}

// Counters are what a server counts since it was started.
type Counters struct {
	CPUBusy int64 `json:"cpu_busy"` // ticks
	CPUAll  int64 `json:"cpu_all"`  // ticks
	NetIn   int64 `json:"net_in"`   // bytes
	NetOut  int64 `json:"net_out"`  // bytes
}

// DiskSample is how full a file system is.
type DiskSample struct {
	Mount      string `json:"mount"`
	Bytes      int64  `json:"bytes"` // that can be used by everybody
	Free       int64  `json:"free"`
	Inodes     int64  `json:"inodes,omitempty"` // 0 for one that has none
	InodesFree int64  `json:"inodes_free,omitempty"`
}

// UnitState is the state of a systemd unit, as systemctl is-active tells it.
type UnitState struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// maxPruned bounds how many old samples one transaction deletes, so that none
// takes long.
const maxPruned = 200

// PutSample adds a sample of a server, in place of one of the same second, and
// deletes samples of that server that are older than keep. The error wraps
// [ErrNotFound] where there is no such server.
func (tx *Tx) PutSample(server ID, s Sample, keep time.Duration) error {
	if _, err := tx.Server(server); err != nil {
		return fmt.Errorf("record a sample: %w", err)
	}
	if err := writeRecord(tx, samplesBucket, sampleKey(server, s.At), s); err != nil {
		return err
	}
	oldest := sampleKey(server, s.At.Add(-keep))
	var old []string
	for key := range tx.forward(samplesBucket, string(server)) {
		if key >= oldest || len(old) == maxPruned {
			break
		}
		old = append(old, key)
	}
	return tx.removeAll(samplesBucket, old)
}

// sampleKey is the server and the second, which sorts by time.
func sampleKey(server ID, at time.Time) string {
	var second [8]byte
	binary.BigEndian.PutUint64(second[:], uint64(max(at.Unix(), 0)))
	return string(server) + string(second[:])
}

func (tx *Tx) removeAll(b bucket, keys []string) error {
	for _, key := range keys {
		if err := tx.remove(b, key); err != nil {
			return err
		}
	}
	return nil
}

// Samples returns the newest samples of a server, oldest first, at most limit.
func (tx *Tx) Samples(server ID, limit int) ([]Sample, error) {
	if server.check() != nil || limit <= 0 {
		return nil, nil
	}
	var out []Sample
	for key, value := range tx.backward(samplesBucket, string(server), "") {
		s, err := decodeRecord[Sample](tx, samplesBucket, key, value)
		if err != nil {
			return nil, err
		}
		if out = append(out, s); len(out) == limit {
			break
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// DeleteSamples deletes all samples of a server.
func (tx *Tx) DeleteSamples(server ID) error {
	var keys []string
	for key := range tx.forward(samplesBucket, string(server)) {
		keys = append(keys, key)
	}
	return tx.removeAll(samplesBucket, keys)
}
