package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// bucket is the name of a bucket of the database.
type bucket string

// The buckets. Those with a "by" in their name, and the unique names, are indexes:
// they are written in the same transaction as the records that they point to.
const (
	metaBucket bucket = "meta"

	serversBucket     bucket = "servers"      // ID → Server
	serverNamesBucket bucket = "server_names" // name → ID

	sitesBucket       bucket = "sites"        // ID → Site
	siteDomainsBucket bucket = "site_domains" // server, domain in lower case → ID

	serverPackagesBucket       bucket = "server_packages"         // server, name, 0, instance → ServerPackage
	serverPackagesByNameBucket bucket = "server_packages_by_name" // name, 0, server, instance → nothing

	sitePackagesBucket       bucket = "site_packages"         // server, site, ID → SitePackage
	sitePackagesByTypeBucket bucket = "site_packages_by_type" // type, 0, server, site, ID → nothing

	runsBucket         bucket = "runs"           // ID → Run without its plan
	runPlansBucket     bucket = "run_plans"      // ID → the plan, as it was given
	runsByServerBucket bucket = "runs_by_server" // server, ID → nothing
	runsLiveBucket     bucket = "runs_live"      // ID → nothing
	runsBySiteBucket   bucket = "runs_by_site"   // site, ID → nothing; since version 4

	eventsBucket       bucket = "events"        // ID → Event
	eventsByRunBucket  bucket = "events_by_run" // run, ID → nothing
	eventsLatestBucket bucket = "events_latest" // server, action, 0, name → ID

	secretsBucket bucket = "secrets" // name → sealed; since version 2

	samplesBucket    bucket = "samples"     // server, second → Sample; since version 3
	alertsBucket     bucket = "alerts"      // ID → Alert; since version 3
	alertsOpenBucket bucket = "alerts_open" // server, kind → ID; since version 3
)

const (
	formatKey  = "format"
	formatText = "brokeforge"
	versionKey = "schema_version"
)

// migration brings a database from one schema version to the next.
type migration func(*bolt.Tx) error

// migrations returns every step from nothing to the schema that this program
// writes, in order. Its length is that schema's version. A step that was released
// is never changed; a new schema is a new step at the end.
func migrations() []migration {
	return []migration{createRecords, createSecrets, createMonitoring, indexRunsBySite}
}

// recordBuckets returns the buckets of schema version 1, besides meta.
func recordBuckets() []bucket {
	return []bucket{
		serversBucket, serverNamesBucket,
		sitesBucket, siteDomainsBucket,
		serverPackagesBucket, serverPackagesByNameBucket,
		sitePackagesBucket, sitePackagesByTypeBucket,
		runsBucket, runPlansBucket, runsByServerBucket, runsLiveBucket,
		eventsBucket, eventsByRunBucket, eventsLatestBucket,
	}
}

// createRecords makes version 1.
func createRecords(tx *bolt.Tx) error {
	for _, b := range recordBuckets() {
		if _, err := tx.CreateBucket([]byte(b)); err != nil {
			return fmt.Errorf("make bucket %s: %w", b, err)
		}
	}
	return nil
}

// createSecrets makes version 2.
func createSecrets(tx *bolt.Tx) error {
	if _, err := tx.CreateBucket([]byte(secretsBucket)); err != nil {
		return fmt.Errorf("make bucket %s: %w", secretsBucket, err)
	}
	return nil
}

// createMonitoring makes version 3.
func createMonitoring(tx *bolt.Tx) error {
	for _, b := range []bucket{samplesBucket, alertsBucket, alertsOpenBucket} {
		if _, err := tx.CreateBucket([]byte(b)); err != nil {
			return fmt.Errorf("make bucket %s: %w", b, err)
		}
	}
	return nil
}

// indexRunsBySite makes version 4.
func indexRunsBySite(tx *bolt.Tx) error {
	index, err := tx.CreateBucket([]byte(runsBySiteBucket))
	if err != nil {
		return fmt.Errorf("make bucket %s: %w", runsBySiteBucket, err)
	}
	return tx.Bucket([]byte(runsBucket)).ForEach(func(key, value []byte) error {
		var r Run
		if err := json.Unmarshal(value, &r); err != nil {
			return fmt.Errorf("read run %s: %w", key, err)
		}
		if r.SiteID == "" {
			return nil
		}
		return index.Put([]byte(runSiteKey(&r)), nil)
	})
}

// migrate applies the steps that the database has not seen, all in one
// transaction.
func migrate(db *bolt.DB, from int, steps []migration) error {
	return db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists([]byte(metaBucket))
		if err != nil {
			return err
		}
		for i, step := range steps[from:] {
			if err := step(tx); err != nil {
				return fmt.Errorf("bring the database to schema version %d: %w", from+i+1, err)
			}
		}
		if err := meta.Put([]byte(formatKey), []byte(formatText)); err != nil {
			return err
		}
		return meta.Put([]byte(versionKey), []byte(strconv.Itoa(len(steps))))
	})
}

// schemaVersion reads the version of the database. The error is one sentence that
// says why it is none of ours.
func schemaVersion(db *bolt.DB) (version int, err error) {
	err = db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket([]byte(metaBucket))
		if meta == nil || string(meta.Get([]byte(formatKey))) != formatText {
			return errors.New("it is a bbolt database, but none of brokeforge")
		}
		version, err = strconv.Atoi(string(meta.Get([]byte(versionKey))))
		if err != nil || version < 1 {
			return fmt.Errorf("its schema version %q is none", meta.Get([]byte(versionKey)))
		}
		return nil
	})
	return version, err
}

// lastID returns the greatest ID of the records that are kept for ever.
func lastID(tx *bolt.Tx) ID {
	var last ID
	for _, b := range []bucket{runsBucket, eventsBucket, alertsBucket} {
		if k, _ := tx.Bucket([]byte(b)).Cursor().Last(); ID(k) > last {
			last = ID(k)
		}
	}
	return last
}
