package blockstore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// TestAdoptedZoneIsDurable fails the creation of the first zone behind its back, so
// that a file of the right size stays whose name was never synced. A store that is
// opened then uses the file; what it flushes must survive a crash.
func TestAdoptedZoneIsDurable(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs, keys := newFaultFS(mem), newTestKeys()
	s := openTest(t, fs, keys)
	vol, err := s.CreateVolume(ctx, VolumeSpec{Size: GiB, Key: "one"})
	require.NoError(t, err)
	d, err := s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	fs.setOp(func(_ int, name fsOp, path string, done bool) error {
		if done && name == opSync && isZone(path) {
			return errInjected
		}
		return nil
	})
	_, err = d.WriteAt(fill(BlockSize, 1), 0)
	require.ErrorIs(t, err, ErrNoSpace)
	fs.setOp(nil)
	require.NoError(t, s.Close())

	s = openTest(t, fs, keys)
	d, err = s.Attach(ctx, vol.ID)
	require.NoError(t, err)
	data := fill(BlockSize, 2)
	_, err = d.WriteAt(data, 0)
	require.NoError(t, err)
	require.NoError(t, d.Flush(ctx))
	image := mem.CrashClone(vfs.CrashCloneCfg{})
	require.NoError(t, s.Close())

	s = openTest(t, image, keys)
	require.Empty(t, s.Damage())
	d, err = s.AttachWith(ctx, vol.ID, AttachOptions{AcceptRollback: true}) // the anchor is of the clean close
	require.NoError(t, err)
	require.Equal(t, data, readAll(t, d, 0, BlockSize))
	require.NoError(t, s.Close())
}
