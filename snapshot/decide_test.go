package snapshot

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Columns of the tables: encryption by default, Encrypted, KmsKeyId.
type params struct {
	byDefault bool
	encrypted Flag
	key       bool
}

var (
	none        = []params{{false, Omitted, false}, {false, False, false}}
	noneOn      = []params{{true, Omitted, false}, {true, False, false}}
	encrypted   = []params{{false, True, false}, {true, True, false}}
	both        = []params{{false, True, true}, {true, True, true}}
	keyAlone    = []params{{false, Omitted, true}, {true, Omitted, true}, {false, False, true}, {true, False, true}}
	omitted     = []params{{false, Omitted, false}}
	omittedOn   = []params{{true, Omitted, false}}
	setFalse    = []params{{false, False, false}, {true, False, false}}
	setFalseOff = []params{{false, False, false}}
	setFalseOn  = []params{{true, False, false}}
	keyOmitted  = []params{{false, Omitted, true}, {true, Omitted, true}}
	keyFalse    = []params{{false, False, true}, {true, False, true}}
	setAny      = []params{{false, True, false}, {false, True, true}, {false, False, false}, {false, False, true}, {true, True, false}, {true, True, true}, {true, False, false}, {true, False, true}}
)

type row struct {
	rule    string // the numbered statement of AWS's pages, where there is one
	op      Operation
	source  Source
	columns []params
	managed bool
	want    Key
	err     error
}

// The tables, row by row: launches and CreateVolume (N1–N17), CopyImage (N18–N36),
// CopySnapshot in both readings, StartSnapshot, and mappings of images (N37, N38).
func rows() []row {
	var all []row
	for _, op := range []Operation{CreateVolume, CopyImage} {
		n := func(launch, copied string) string {
			if op == CreateVolume {
				return launch
			}
			return copied
		}
		if op == CreateVolume {
			all = append(all,
				row{"new volume, N5", op, Empty, none, false, NoKey, nil},
				row{"new volume, N5", op, Empty, noneOn, false, DefaultKey, nil},
				row{"new volume, N16", op, Empty, encrypted, false, DefaultKey, nil},
				row{"new volume, N3", op, Empty, both, false, GivenKey, nil},
				row{"N15", op, Empty, keyAlone, false, NoKey, ErrKeyWithoutEncrypted})
		}
		all = append(all,
			row{n("N2 N5 N6", "N18 N19 N31 N34"), op, Plain, none, false, NoKey, nil},
			row{n("N5 N6", "N19 N27"), op, Plain, noneOn, false, DefaultKey, nil},
			row{n("N10 N16", "N22"), op, Plain, encrypted, false, DefaultKey, nil},
			row{n("N3 N13 N17", "N25 N28 N36"), op, Plain, both, false, GivenKey, nil},
			row{"N15", op, Plain, keyAlone, false, NoKey, ErrKeyWithoutEncrypted},

			row{n("N1 N5 N7", "N18 N20 N34 N35"), op, Encrypted, none, false, SourceKey, nil},
			row{n("N5 N7", "N20 N27"), op, Encrypted, noneOn, false, SourceKey, nil},
			row{n("N11", "N23"), op, Encrypted, encrypted, false, SourceKey, nil},
			row{n("N14 N17", "N26 N31"), op, Encrypted, both, false, GivenKey, nil},
			row{"N15", op, Encrypted, keyAlone, false, NoKey, ErrKeyWithoutEncrypted},

			row{n("N4 N8", "N21"), op, EncryptedShared, none, false, DefaultKey, nil},
			row{n("N8", "N21 N27"), op, EncryptedShared, noneOn, false, DefaultKey, nil},
			row{n("N12", "N24"), op, EncryptedShared, encrypted, false, DefaultKey, nil},
			row{n("N14 N17", "N26"), op, EncryptedShared, both, false, GivenKey, nil},
			row{"N15", op, EncryptedShared, keyAlone, false, NoKey, ErrKeyWithoutEncrypted})
	}
	for _, managed := range []bool{false, true} {
		const op = CopySnapshot
		own, ownOn, ownEncrypted, ownEncryptedOn := SourceKey, SourceKey, SourceKey, SourceKey
		if managed {
			own, ownOn, ownEncrypted, ownEncryptedOn = ManagedKey, DefaultKey, ManagedKey, DefaultKey
		}
		all = append(all,
			row{"copy", op, Plain, omitted, managed, NoKey, nil},
			row{"copy", op, Plain, omittedOn, managed, DefaultKey, nil},
			row{"copy", op, Plain, encrypted, managed, DefaultKey, nil},
			row{"copy", op, Plain, both, managed, GivenKey, nil},
			row{"copy N15", op, Plain, keyAlone, managed, NoKey, ErrKeyWithoutEncrypted},
			row{"copy", op, Encrypted, omitted, managed, own, nil},
			row{"copy", op, Encrypted, omittedOn, managed, ownOn, nil},
			row{"copy", op, Encrypted, encrypted[:1], managed, ownEncrypted, nil},
			row{"copy", op, Encrypted, encrypted[1:], managed, ownEncryptedOn, nil},
			row{"copy", op, Encrypted, both, managed, GivenKey, nil},
			row{"copy N15", op, Encrypted, keyAlone, managed, NoKey, ErrKeyWithoutEncrypted},
			row{"copy", op, EncryptedShared, omitted, managed, DefaultKey, nil},
			row{"copy", op, EncryptedShared, omittedOn, managed, DefaultKey, nil},
			row{"copy", op, EncryptedShared, encrypted, managed, DefaultKey, nil},
			row{"copy", op, EncryptedShared, both, managed, GivenKey, nil},
			row{"copy N15", op, EncryptedShared, keyAlone, managed, NoKey, ErrKeyWithoutEncrypted},
			row{"copy, false", op, Plain, setFalse, managed, NoKey, ErrEncryptionParameters},
			row{"copy, false", op, Encrypted, setFalse, managed, NoKey, ErrEncryptionParameters},
			row{"copy, false", op, EncryptedShared, setFalse, managed, NoKey, ErrEncryptionParameters})
	}
	return append(append(all, uploadRows()...), mappingRows()...)
}

func uploadRows() []row {
	const op = StartSnapshot
	return []row{
		{"upload 1", op, Plain, omittedOn, false, NoKey, ErrEncryptionParameters},
		{"upload 2", op, Plain, omitted, false, NoKey, nil},
		{"upload 3", op, Plain, keyOmitted, false, NoKey, ErrEncryptionParameters},
		{"upload 4", op, Plain, setAny, false, NoKey, ErrEncryptionParameters},
		{"upload 5", op, Encrypted, append(omitted[:1:1], omittedOn...), false, SourceKey, nil},
		{"upload 6", op, Encrypted, keyOmitted, false, NoKey, ErrEncryptionParameters},
		{"upload 7", op, Encrypted, setAny, false, NoKey, ErrEncryptionParameters},
		{"upload 8", op, Empty, encrypted, false, DefaultKey, nil},
		{"upload 9", op, Empty, both, false, GivenKey, nil},
		{"upload 10", op, Empty, setFalseOn, false, NoKey, ErrEncryptionParameters},
		{"upload 11", op, Empty, setFalseOff, false, NoKey, nil},
		{"upload 12", op, Empty, keyFalse, false, NoKey, ErrEncryptionParameters},
		{"upload 13", op, Empty, omittedOn, false, DefaultKey, nil},
		{"upload 14", op, Empty, omitted, false, NoKey, nil},
		{"upload 15", op, Empty, keyOmitted, false, GivenKey, nil},
		{"upload, shared parent", op, EncryptedShared, omitted, false, NoKey, ErrEncryptionParameters},
	}
}

func mappingRows() []row {
	const op = MapDevice
	return []row{
		{"mapping, new", op, Empty, append(none[:2:2], noneOn...), false, NoKey, nil},
		{"mapping, new", op, Empty, encrypted, false, DefaultKey, nil},
		{"mapping, snapshot", op, Plain, append(omitted[:1:1], omittedOn...), false, NoKey, nil},
		{"mapping, snapshot N1", op, Encrypted, append(omitted[:1:1], omittedOn...), false, SourceKey, nil},
		{"mapping, snapshot", op, Plain, append(setFalse[:2:2], encrypted...), false, NoKey, ErrEncryptionParameters},
		{"mapping, snapshot", op, Encrypted, append(setFalse[:2:2], encrypted...), false, NoKey, ErrEncryptionParameters},
		{"mapping, plain volume", op, PlainVolume, append(none[:2:2], noneOn...), false, NoKey, nil},
		{"mapping, plain volume", op, PlainVolume, encrypted, false, NoKey, ErrEncryptionParameters},
		{"mapping, volume N37 N38", op, EncryptedVolume, append(append(none[:2:2], noneOn...), encrypted...), false, SourceKey, nil},
		{"mapping, key", op, Empty, append(both[:2:2], keyAlone...), false, NoKey, ErrEncryptionParameters},
		{"mapping, key", op, Plain, append(both[:2:2], keyAlone...), false, NoKey, ErrEncryptionParameters},
		{"mapping, key", op, Encrypted, append(both[:2:2], keyAlone...), false, NoKey, ErrEncryptionParameters},
		{"mapping, key", op, PlainVolume, append(both[:2:2], keyAlone...), false, NoKey, ErrEncryptionParameters},
		{"mapping, key", op, EncryptedVolume, append(both[:2:2], keyAlone...), false, NoKey, ErrEncryptionParameters},
	}
}

func TestDecideTable(t *testing.T) {
	covered := map[Request]string{}
	for _, r := range rows() {
		for _, c := range r.columns {
			request := Request{r.op, r.source, c.encrypted, c.key, c.byDefault, r.managed}
			name := fmt.Sprintf("%s: %+v", r.rule, request)
			require.NotContains(t, covered, request, "%s is also row %s", name, covered[request])
			covered[request] = r.rule
			key, err := Decide(request)
			if r.err != nil {
				require.ErrorIs(t, err, r.err, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, r.want, key, name)
		}
	}
	requireAllCovered(t, covered)
}

// requireAllCovered fails if a reachable request is in no row.
func requireAllCovered(t *testing.T, covered map[Request]string) {
	t.Helper()
	sources := map[Operation][]Source{
		CreateVolume:  {Empty, Plain, Encrypted, EncryptedShared},
		CopyImage:     {Plain, Encrypted, EncryptedShared},
		CopySnapshot:  {Plain, Encrypted, EncryptedShared},
		StartSnapshot: {Empty, Plain, Encrypted},
		MapDevice:     {Empty, Plain, Encrypted, PlainVolume, EncryptedVolume},
	}
	for op, list := range sources {
		for _, source := range list {
			for _, flag := range []Flag{Omitted, True, False} {
				for bits := range 4 {
					request := Request{Operation: op, Source: source, Encrypted: flag, KeyGiven: bits&1 != 0, EncryptByDefault: bits&2 != 0}
					require.Contains(t, covered, request)
				}
			}
		}
	}
}

// What must hold of every request, whatever the table says.
func TestDecideNeverRemovesEncryption(t *testing.T) {
	for op := CreateVolume; op <= MapDevice+1; op++ {
		for source := Empty; source <= EncryptedVolume+1; source++ {
			for flag := Omitted; flag <= False; flag++ {
				for bits := range 8 {
					r := Request{op, source, flag, bits&1 != 0, bits&2 != 0, bits&4 != 0}
					key, err := Decide(r)
					if err != nil {
						require.Equal(t, NoKey, key)
						require.True(t, errors.Is(err, ErrKeyWithoutEncrypted) || errors.Is(err, ErrEncryptionParameters))
						continue
					}
					isEncrypted := source == Encrypted || source == EncryptedShared || source == EncryptedVolume
					if isEncrypted || flag == True {
						require.NotEqual(t, NoKey, key, "%+v", r)
					}
					if r.KeyGiven {
						require.Equal(t, GivenKey, key, "%+v", r)
					}
					if source == EncryptedShared {
						require.NotEqual(t, SourceKey, key, "%+v: the owner's key is never the consumer's", r)
					}
					if key == SourceKey {
						require.True(t, isEncrypted, "%+v", r)
					}
				}
			}
		}
	}
}

func TestKeyString(t *testing.T) {
	require.Equal(t, "default key", DefaultKey.String())
	require.Equal(t, "Key(9)", Key(9).String())
}
