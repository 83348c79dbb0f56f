package nbd

import (
	"encoding/binary"
	"fmt"
)

// list answers LIST: one reply per export.
func (n *negotiator) list() error {
	if n.server.hideExports {
		return errPolicy
	}
	infos, err := n.server.registry.List(n.ctx)
	if err != nil {
		return err
	}
	for _, info := range infos {
		payload := appendString32(nil, info.Name)
		payload = append(payload, info.Description...)
		if err := n.reply(optList, repServer, payload); err != nil {
			return broken(err)
		}
	}
	return broken(n.acknowledge(optList))
}

// exportName answers EXPORT_NAME, which has no error reply.
func (n *negotiator) exportName(payload []byte) error {
	if !validText(payload) {
		return fmt.Errorf("%w: export name is not UTF-8 text", ErrProtocol)
	}
	if err := n.settle(string(payload)); err != nil {
		return fmt.Errorf("EXPORT_NAME: %w", err)
	}
	b := binary.BigEndian.AppendUint64(nil, n.session.size)
	b = binary.BigEndian.AppendUint16(b, transmissionFlags(n.session))
	if !n.noZeroes {
		b = append(b, make([]byte, oldPaddingSize)...)
	}
	_, err := n.nc.Write(b)
	return err
}

// information answers INFO and GO, which tell the same.
func (n *negotiator) information(option uint32, payload []byte) error {
	r, err := parseInfoRequest(payload)
	if err != nil {
		return err
	}
	var info ExportInfo
	var s session
	if option == optGo {
		if err := n.settle(r.name); err != nil {
			return err
		}
		info, s = n.opened.Info, n.session
	} else {
		opened, err := n.lookUp(n.ctx, r.name)
		if err != nil {
			return err
		}
		info, s = opened.Info, n.sessionOf(opened, r.name)
		opened.Release()
	}
	return broken(n.describe(option, r, info, s))
}

func (n *negotiator) describe(option uint32, r infoRequest, info ExportInfo, s session) error {
	b := binary.BigEndian.AppendUint16(nil, infoExport)
	b = binary.BigEndian.AppendUint64(b, s.size)
	b = binary.BigEndian.AppendUint16(b, transmissionFlags(s))
	if err := n.reply(option, repInfo, b); err != nil {
		return err
	}
	b = binary.BigEndian.AppendUint16(nil, infoBlockSize)
	b = binary.BigEndian.AppendUint32(b, MinimumBlock)
	b = binary.BigEndian.AppendUint32(b, PreferredBlock)
	b = binary.BigEndian.AppendUint32(b, AdvertisedPayload)
	if err := n.reply(option, repInfo, b); err != nil {
		return err
	}
	for _, text := range []struct {
		item  uint16
		value string
	}{{infoName, info.Name}, {infoDescription, info.Description}} {
		if !r.wants(text.item) || text.item == infoDescription && text.value == "" {
			continue
		}
		b = append(binary.BigEndian.AppendUint16(nil, text.item), text.value...)
		if err := n.reply(option, repInfo, b); err != nil {
			return err
		}
	}
	return n.acknowledge(option)
}

// metaContext answers LIST_META_CONTEXT and SET_META_CONTEXT.
func (n *negotiator) metaContext(option uint32, payload []byte) error {
	listing := option == optListMetaContext
	if !listing {
		n.contextFor = nil // a selection replaces the one before, also when it fails
	}
	if !n.structured {
		return fmt.Errorf("%w: structured replies come first", errInvalid)
	}
	r, err := parseMetaRequest(payload)
	if err != nil {
		return err
	}
	opened, err := n.lookUp(n.ctx, r.name)
	if err != nil {
		return err
	}
	opened.Release()
	if r.selects(listing) {
		id := uint32(contextAllocationID)
		if listing {
			id = 0 // reserved
		} else {
			n.contextFor = &r.name
		}
		b := append(binary.BigEndian.AppendUint32(nil, id), contextAllocation...)
		if err := n.reply(option, repMetaContext, b); err != nil {
			return broken(err)
		}
	}
	return broken(n.acknowledge(option))
}

// settle opens the export for the transmission.
func (n *negotiator) settle(name string) error {
	opened, err := n.open(n.ctx, name)
	if err != nil {
		return err
	}
	n.opened, n.session = opened, n.sessionOf(opened, name)
	return nil
}

func (n *negotiator) sessionOf(o *Opened, name string) session {
	return session{
		size:       uint64(o.Size()),
		readOnly:   o.ReadOnly(),
		structured: n.structured,
		status:     n.structured && n.contextFor != nil && *n.contextFor == name,
	}
}

// transmissionFlags says what a session supports.
func transmissionFlags(s session) uint16 {
	flags := uint16(txHasFlags | txSendFlush | txSendFUA | txCanMultiConn | txSendCache)
	if s.readOnly {
		flags |= txReadOnly
	} else {
		flags |= txSendTrim | txSendWriteZeroes | txSendFastZero
	}
	if s.structured {
		flags |= txSendDF
	}
	return flags
}
