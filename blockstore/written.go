package blockstore

import "context"

// Written calls fn, in order, with the number of every unit of size bytes (whole extents)
// all of whose blocks the volume has sealed itself, until it returns false: of a volume
// that was cloned, what was written since and not what shows through. Only what a Flush
// has covered counts.
func (d *Device) Written(ctx context.Context, size int64, fn func(unit int64) bool) error {
	perUnit := uint64(size) / ExtentSize
	from, last, full := numberKey(prefixExtent, d.number), ^uint64(0), uint64(0)
	return d.store.index.scan(from, rangeEnd(from), func(k, v []byte) (bool, error) {
		_, extent, _ := parseExtentKey(k)
		if extent == last { // the newest record of an extent sorts first
			return true, ctx.Err()
		}
		if extent%perUnit == 0 || extent != last+1 {
			full = 0
		}
		last = extent
		own, err := d.sealedWhole(v)
		if err != nil || !own {
			return true, firstError(err, ctx.Err())
		}
		if full++; full < perUnit || extent%perUnit != perUnit-1 {
			return true, ctx.Err()
		}
		return fn(int64(extent / perUnit)), ctx.Err()
	})
}

// sealedWhole says whether a record has every block, and all of them sealed by this volume.
func (d *Device) sealedWhole(v []byte) (bool, error) {
	var r extentRecord
	if _, err := decodeExtent(v, &r); err != nil {
		return false, corrupt(KindRecord, d.ID(), "%v", err)
	}
	for i := range ExtentBlocks {
		if !r.has(i) {
			return false, nil
		}
		s, err := d.sessions.get(r.sessions[i])
		if err != nil || s.volume != d.number {
			return false, err
		}
	}
	return true, nil
}
