//go:build !linux

package dirblob

import "os"

func beginWriteback(*os.File, int64, int64) error { return nil }
