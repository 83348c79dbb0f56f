package nbd

// Magic numbers.
const (
	magicInit       = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption     = 0x49484156454f5054 // "IHAVEOPT"
	magicOptReply   = 0x0003e889045565a9
	magicRequest    = 0x25609513
	magicSimple     = 0x67446698
	magicStructured = 0x668e33ef
)

// Sizes of the fixed parts.
const (
	greetingSize      = 8 + 8 + 2
	optionHeaderSize  = 8 + 4 + 4
	optReplySize      = 8 + 4 + 4 + 4
	requestSize       = 4 + 2 + 2 + 8 + 8 + 4
	simpleReplySize   = 4 + 4 + 8
	chunkHeaderSize   = 4 + 2 + 2 + 8 + 4
	oldPaddingSize    = 124 // zeros after the reply to EXPORT_NAME
	descriptorSize    = 8   // of a block status reply
	exportReplySize   = 8 + 2
	offsetHeaderSize  = chunkHeaderSize + 8 // of a data chunk
	infoBlockSizeSize = 2 + 4 + 4 + 4
)

// Handshake flags of the server, and their echoes in the client's flags.
const (
	flagFixedNewstyle = 1 << 0
	flagNoZeroes      = 1 << 1
)

// Options.
const (
	optExportName      = 1
	optAbort           = 2
	optList            = 3
	optStartTLS        = 5
	optInfo            = 6
	optGo              = 7
	optStructuredReply = 8
	optListMetaContext = 9
	optSetMetaContext  = 10
)

// Option replies.
const (
	repAck         = 1
	repServer      = 2
	repInfo        = 3
	repMetaContext = 4

	repErrUnsup    = 1<<31 + 1
	repErrPolicy   = 1<<31 + 2
	repErrInvalid  = 1<<31 + 3
	repErrPlatform = 1<<31 + 4
	repErrTLSReqd  = 1<<31 + 5
	repErrUnknown  = 1<<31 + 6
	repErrShutdown = 1<<31 + 7
	repErrTooBig   = 1<<31 + 9
)

// Information types of INFO and GO.
const (
	infoExport      = 0
	infoName        = 1
	infoDescription = 2
	infoBlockSize   = 3
)

// Transmission flags.
const (
	txHasFlags        = 1 << 0
	txReadOnly        = 1 << 1
	txSendFlush       = 1 << 2
	txSendFUA         = 1 << 3
	txSendTrim        = 1 << 5
	txSendWriteZeroes = 1 << 6
	txSendDF          = 1 << 7
	txCanMultiConn    = 1 << 8
	txSendCache       = 1 << 10
	txSendFastZero    = 1 << 11
)

// Commands.
const (
	cmdRead        = 0
	cmdWrite       = 1
	cmdDisc        = 2
	cmdFlush       = 3
	cmdTrim        = 4
	cmdCache       = 5
	cmdWriteZeroes = 6
	cmdBlockStatus = 7
)

// Command flags.
const (
	cmdFlagFUA      = 1 << 0
	cmdFlagNoHole   = 1 << 1
	cmdFlagDF       = 1 << 2
	cmdFlagReqOne   = 1 << 3
	cmdFlagFastZero = 1 << 4
)

// Structured reply chunks.
const (
	chunkDone = 1 << 0 // flag: last chunk of its reply

	chunkNone        = 0
	chunkData        = 1
	chunkHole        = 2
	chunkBlockStatus = 5
	chunkError       = 1<<15 + 1
	chunkErrorOffset = 1<<15 + 2
)

// The one metadata context and its states.
const (
	contextAllocation   = "base:allocation"
	contextNamespace    = "base:"
	contextAllocationID = 1

	stateHole = 1 << 0
	stateZero = 1 << 1
)

// Op is an operation on an export.
type Op uint8

// The operations, with the numbers of their commands.
const (
	OpRead        Op = cmdRead
	OpWrite       Op = cmdWrite
	OpFlush       Op = cmdFlush
	OpTrim        Op = cmdTrim
	OpCache       Op = cmdCache
	OpWriteZeroes Op = cmdWriteZeroes
	OpBlockStatus Op = cmdBlockStatus

	opCount = 8
)

// String returns the name of the operation for metrics and logs.
func (o Op) String() string {
	switch o {
	case OpRead:
		return "read"
	case OpWrite:
		return "write"
	case OpFlush:
		return "flush"
	case OpTrim:
		return "trim"
	case OpCache:
		return "cache"
	case OpWriteZeroes:
		return "write_zeroes"
	case OpBlockStatus:
		return "block_status"
	}
	return "unknown"
}
