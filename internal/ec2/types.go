package ec2

import "time"

// Tags are a resource's tags.
type Tags map[string]string

// Volume is a volume's record.
type Volume struct {
	ID, Owner, Region, Zone string
	SizeGiB                 int
	Type                    string
	IOPS, Throughput        int // Throughput in MiB/s, of gp3 only
	Encrypted               bool
	KeyARN                  string // as the request named it while it could not be resolved
	ManagedKey              bool   // under an AWS managed key
	DataKeyID               string // equal along a lineage that shares a data key
	SnapshotID              string // what it was made from
	FastRestored            bool   // by fast snapshot restore
	MultiAttach             bool
	AutoEnableIO            bool
	Created                 time.Time
	State                   VolumeState
	StateMessage            string // why it is in the state error
	Attachment              *Attachment
	Modification            *Modification
	Tags                    Tags
}

// VolumeState is a volume's state.
type VolumeState string

// The states of a volume. An attached volume is InUse from the first step of its
// attachment to the last of its detachment.
const (
	VolumeCreating  VolumeState = "creating"
	VolumeAvailable VolumeState = "available"
	VolumeInUseNow  VolumeState = "in-use"
	VolumeDeleting  VolumeState = "deleting"
	VolumeError     VolumeState = "error"
)

// Attachment is a volume's place at an instance.
type Attachment struct {
	InstanceID          string
	Device              string
	State               AttachmentState
	Since               time.Time
	DeleteOnTermination bool
	GrantID             string // on the volume's key; empty if unencrypted, stopped or not recorded yet
	// Serving says that the engine should hold the volume open: the instance runs.
	Serving bool
	// Impaired is why the volume could not be opened again; empty when all is well.
	Impaired string
}

// AttachmentState is an attachment's state.
type AttachmentState string

// The states of an attachment; once detached there is none.
const (
	Attaching AttachmentState = "attaching"
	Attached  AttachmentState = "attached"
	Detaching AttachmentState = "detaching"
)

// Modification is the last ModifyVolume of a volume.
type Modification struct {
	Started, Ended                       time.Time
	OriginalSizeGiB, TargetSizeGiB       int
	OriginalType, TargetType             string
	OriginalIOPS, TargetIOPS             int
	OriginalThroughput, TargetThroughput int
	// Done is false from the record of the intent until the engine has grown the volume.
	Done   bool
	Failed string // why the engine did not
}

// Snapshot is a snapshot's record.
type Snapshot struct {
	ID, Owner, Region string
	VolumeID          string
	SourceID          string // of a copy: the snapshot it was made from
	SizeGiB           int
	Encrypted         bool
	KeyARN            string
	ManagedKey        bool // under an AWS managed key, so it cannot be shared
	DataKeyID         string
	Description       string
	State             SnapshotState
	StateMessage      string
	Done, Total       int64 // of a copy in progress
	Upload            *Upload
	Started           time.Time
	Completed         time.Time
	Shares            []string // accounts with createVolumePermission, sorted
	Public            bool
	Tags              Tags
}

// Upload says that a snapshot is, or was, written block by block.
type Upload struct {
	ParentID string
	Timeout  time.Duration
}

// SnapshotState is a snapshot's state.
type SnapshotState string

// The states of a snapshot. SnapshotDeleting is not one of AWS's: such a snapshot is gone for everybody.
const (
	SnapshotPending   SnapshotState = "pending"
	SnapshotCompleted SnapshotState = "completed"
	SnapshotError     SnapshotState = "error"
	SnapshotDeleting  SnapshotState = "deleting"
)

// Image is an image's record.
type Image struct {
	ID, Owner, Region string
	Name, Description string
	Architecture      string
	RootDevice        string
	BootMode          string
	Virtualization    string
	ENASupport        bool
	IMDSSupport       string
	Mappings          []ImageDevice
	Created           time.Time
	State             ImageState
	StateCode         string
	StateMessage      string
	LaunchAccounts    []string // accounts with launchPermission, sorted
	Public            bool
	SourceInstanceID  string
	SourceImageID     string
	SourceRegion      string
	DeprecationTime   time.Time
	Protection        bool // against deregistration
	Tags              Tags
}

// ImageState is an image's state.
type ImageState string

// The states of an image. ImageDeleting is not one of AWS's: such an image is gone for everybody.
const (
	ImagePending   ImageState = "pending"
	ImageAvailable ImageState = "available"
	ImageFailed    ImageState = "failed"
	ImageDisabled  ImageState = "disabled"
	ImageDeleting  ImageState = "deleting"
)

// ImageDevice is a block device mapping of an image.
type ImageDevice struct {
	Device              string
	VirtualName         string // an instance-store mapping; nothing is made of it
	SnapshotID          string // empty: a new, empty volume at each launch
	SizeGiB             int
	Type                string
	IOPS, Throughput    int
	DeleteOnTermination bool
	Encrypted           bool
}

// Instance is an instance's record: an attachment group with no hypervisor behind it.
type Instance struct {
	ID, Reservation, Owner, Region, Zone string
	ImageID                              string
	Type                                 string
	KeyName                              string
	ClientToken                          string
	LaunchIndex                          int
	Launched                             time.Time
	State                                InstanceState
	StateCode, StateMessage              string // why it stopped or ended
	Transition                           string
	Architecture                         string
	RootDevice                           string
	Starting                             bool             // pending since StartInstances, not since its launch
	Devices                              []InstanceDevice // what is attached or about to be
	PrivateIP                            string
	SubnetID                             string
	GroupIDs                             []string
	UserData                             []byte
	ShutdownBehavior                     string // stop or terminate
	TerminationProtection                bool
	StopProtection                       bool
	EBSOptimized                         bool
	SourceDestCheckOff                   bool
	DetailedMonitoring                   bool
	Metadata                             MetadataOptions
	CPUCredits                           string
	Terminated                           time.Time
	Tags                                 Tags
}

// MetadataOptions are kept for clients; there is no metadata service.
type MetadataOptions struct {
	Tokens, Endpoint, IPv6, InstanceTags string
	HopLimit                             int
}

// InstanceDevice is a volume's place as its instance records it.
type InstanceDevice struct {
	Device   string
	VolumeID string
}

// InstanceState is an instance's state.
type InstanceState string

// The states of an instance.
const (
	InstancePending      InstanceState = "pending"
	InstanceRunning      InstanceState = "running"
	InstanceStopping     InstanceState = "stopping"
	InstanceStopped      InstanceState = "stopped"
	InstanceShuttingDown InstanceState = "shutting-down"
	InstanceTerminated   InstanceState = "terminated"
)

// Code is the number that the API sends beside the name.
func (s InstanceState) Code() int {
	switch s {
	case InstanceRunning:
		return 16
	case InstanceShuttingDown:
		return 32
	case InstanceTerminated:
		return 48
	case InstanceStopping:
		return 64
	case InstanceStopped:
		return 80
	}
	return 0
}

func (v Volume) at() (kind, ref)   { return kindVolume(), ref{v.Region, v.Owner, v.ID} }
func (v Snapshot) at() (kind, ref) { return kindSnapshot(), ref{v.Region, v.Owner, v.ID} }
func (v Image) at() (kind, ref)    { return kindImage(), ref{v.Region, v.Owner, v.ID} }
func (v Instance) at() (kind, ref) { return kindInstance(), ref{v.Region, v.Owner, v.ID} }

func (v Volume) unsettled() bool {
	underway := v.State == VolumeCreating || v.State == VolumeDeleting || v.Modification != nil && !v.Modification.Done
	return underway || v.Attachment != nil && (v.Attachment.State != Attached || v.Attachment.Serving)
}

func (v Snapshot) unsettled() bool { return v.State == SnapshotPending || v.State == SnapshotDeleting }

func (v Image) unsettled() bool { return v.State == ImagePending || v.State == ImageDeleting }

func (v Instance) unsettled() bool {
	return v.State == InstancePending || v.State == InstanceStopping || v.State == InstanceShuttingDown
}
