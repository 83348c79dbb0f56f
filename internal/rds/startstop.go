package rds

import (
	"context"
	"errors"
	"time"

	"coffer.example/kms"
)

// badState refuses what a database's state does not allow.
func badState(d Database) error {
	if d.Kind == Cluster {
		return refuse(DatabaseState, Cluster, "DbCluster %s is in %s state", d.Name, d.State)
	}
	return refuse(DatabaseState, Instance, "Instance %s is not in available state; it is %s.", d.Name, d.State)
}

// Start opens the storage of a database that was stopped, or whose key refused until
// not longer than keyLossWindow ago.
func (s *Service) Start(ctx context.Context, c kms.Caller, kind Kind, name string) (Database, error) {
	d, release, err := s.withStorage(ctx, c, kind, name)
	if err != nil {
		return d, err
	}
	defer release()
	ctx = settled(ctx)
	if d, err = s.expireKeyLoss(ctx, d); err != nil {
		return d, err
	}
	if d.State != Stopped && d.State != KeyLost {
		return d, badState(d)
	}
	return s.reopen(ctx, d, Starting)
}

// Reboot closes and opens the storage of an available database, through its key again.
func (s *Service) Reboot(ctx context.Context, c kms.Caller, kind Kind, name string) (Database, error) {
	d, release, err := s.locked(ctx, c, kind, name)
	if err != nil {
		return d, err
	}
	defer release()
	if d.ClusterName != "" { // there is nothing of its own
		cluster, err := s.database(ctx, c, Cluster, d.ClusterName)
		if err == nil && cluster.Value.State != Available {
			err = badState(s.shown(d, &cluster.Value, cluster.Value.State))
		}
		return s.shown(d, &cluster.Value, Rebooting), err
	}
	if d.State != Available {
		return d, badState(d)
	}
	return s.reopen(settled(ctx), d, Rebooting)
}

// reopen takes a database through a passing state to available. The answer shows the passing one.
func (s *Service) reopen(ctx context.Context, d Database, passing State) (Database, error) {
	before := d.State
	undo := func(d *Database) { d.State = before }
	d, err := edit(ctx, s, d, func(d *Database) { d.State = passing })
	if err != nil {
		return d, err
	}
	closed := s.closeStorage(ctx, d)
	if err := s.openChecked(ctx, d); err != nil {
		if keyRefused(err) {
			return d, errors.Join(notAccessible("Specified", d.KeyARN, err), s.loseKey(ctx, d, err))
		}
		if before == Available {
			undo = s.becomeStopped // it is not served
		}
		_, back := edit(ctx, s, d, undo)
		return d, errors.Join(err, back)
	}
	_, err = edit(ctx, s, d, becomeAvailable)
	return d, errors.Join(closed, err)
}

func becomeAvailable(d *Database) {
	d.State, d.KeyLost, d.KeyMessage, d.StoppedAt = Available, time.Time{}, "", time.Time{}
}

func (s *Service) becomeStopped(d *Database) { d.State, d.StoppedAt = Stopped, s.now() }

// startOverdue starts a database that has been stopped for MaxStopped. Where it is not known
// since when, that is from now on.
func (s *Service) startOverdue(ctx context.Context, d Database) error {
	var err error
	switch {
	case d.StoppedAt.IsZero():
		_, err = edit(ctx, s, d, s.becomeStopped)
	case s.now().Sub(d.StoppedAt) >= MaxStopped:
		if _, err = s.reopen(ctx, d, Starting); keyRefused(err) {
			return nil // the database has been told, and is not stopped any more
		}
	}
	return err
}

// openChecked checks a database's key and opens its storage.
func (s *Service) openChecked(ctx context.Context, d Database) error {
	if err := s.checkKey(ctx, d); err != nil {
		return err
	}
	return s.openStorage(ctx, d)
}

// expireKeyLoss makes a loss of the key final once its window is over.
func (s *Service) expireKeyLoss(ctx context.Context, d Database) (Database, error) {
	if d.State != KeyLost || s.now().Sub(d.KeyLost) < keyLossWindow {
		return d, nil
	}
	return edit(ctx, s, d, func(d *Database) { d.State = KeyLostForGood })
}

// Stop closes the storage of an available database; its clients are cut. An instance may
// leave a snapshot of that name.
func (s *Service) Stop(ctx context.Context, c kms.Caller, kind Kind, name, snapshotName string) (Database, error) {
	d, release, err := s.withStorage(ctx, c, kind, name)
	if err != nil {
		return d, err
	}
	defer release()
	if d.State != Available {
		return d, badState(d)
	}
	ctx = settled(ctx)
	if snapshotName != "" {
		if _, err := s.snapshotLocked(ctx, d, snapshotName, manual, nil); err != nil {
			return d, err
		}
	}
	answer, err := edit(ctx, s, d, func(d *Database) { d.State = Stopping })
	if err != nil {
		return d, err
	}
	return answer, s.finishStop(ctx, answer)
}

func (s *Service) finishStop(ctx context.Context, d Database) error {
	closed := s.closeStorage(ctx, d)
	_, err := edit(ctx, s, d, s.becomeStopped)
	return errors.Join(closed, err)
}
