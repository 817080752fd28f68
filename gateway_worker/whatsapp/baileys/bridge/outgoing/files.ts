/** Outgoing messages with a file that lies at WhatsApp's media host already. */
import type { proto } from 'baileys'

import type { SendArguments } from '../channel/calls.ts'
import type { SendFlags } from '../channel/flags.ts'
import type { FileReference } from '../channel/calls.ts'

interface Media {
  mimetype?: string | null
  file_name?: string | null
}

interface Visible {
  width?: number | null
  height?: number | null
  /** A small JPEG, base64. */
  thumbnail?: string | null
}

interface Lasting {
  seconds?: number | null
}

interface File {
  media: Media
  reference: FileReference
}

interface Captioned {
  caption?: string | null
}

export type FileContent = File &
  (
    | ({ kind: 'image' } & Visible & Captioned)
    | ({ kind: 'video'; gif?: boolean | null; note?: boolean | null } & Visible & Captioned & Lasting)
    | ({ kind: 'audio' } & Lasting)
    | ({ kind: 'voice'; waveform?: string | null } & Lasting)
    | ({ kind: 'document' } & Captioned)
    | ({ kind: 'sticker'; animated?: boolean | null } & Visible)
  )

/** What a message with a file is beside it. */
export type Told = Pick<SendArguments, 'mentions' | 'mentions_all'> & { flags: SendFlags }

const NO_NAME = 'file'

/** Whom a message mentions, as its context says it; null: nobody. */
export function mentionsOf({ mentions, mentions_all: isForAll }: Pick<Told, 'mentions' | 'mentions_all'>): proto.IContextInfo | null {
  if (mentions.length === 0 && !isForAll) return null
  return { ...(mentions.length > 0 ? { mentionedJid: mentions } : {}), ...(isForAll ? { nonJidMentions: 1 } : {}) }
}

/** Whether a content is one with a file. */
export function isFile(content: { kind: string }): content is FileContent {
  return 'reference' in content
}

/** The message; what people are to see once is covered as WhatsApp's own clients do it. */
export function fileMessage(content: FileContent, told: Told): proto.IMessage {
  const viewOnce = told.flags.view_once
  const mentioned = mentionsOf(told)
  const contextInfo = mentioned === null ? {} : { contextInfo: mentioned }
  const common = { ...placeOf(content.reference), mimetype: content.media.mimetype ?? null, ...contextInfo }
  const once = viewOnce ? { viewOnce } : {}
  switch (content.kind) {
    case 'image':
      return covered({ imageMessage: { ...common, ...visible(content), ...caption(content), ...once } }, viewOnce)
    case 'video': {
      const video = { ...common, ...visible(content), ...caption(content), ...lasting(content), ...once }
      if (content.note) return covered({ ptvMessage: video }, viewOnce)
      return covered({ videoMessage: { ...video, ...(content.gif ? { gifPlayback: true } : {}) } }, viewOnce)
    }
    case 'audio':
      return { audioMessage: { ...common, ...lasting(content) } }
    case 'voice': {
      const waveform = content.waveform ? { waveform: bytes(content.waveform) } : {}
      const voice = { ...common, ...lasting(content), ...waveform, ...once, ptt: true }
      return viewOnce ? { viewOnceMessageV2Extension: { message: { audioMessage: voice } } } : { audioMessage: voice }
    }
    case 'document': {
      const fileName = content.media.file_name ?? NO_NAME
      const documentMessage = { ...common, ...caption(content), fileName, title: fileName }
      return content.caption ? { documentWithCaptionMessage: { message: { documentMessage } } } : { documentMessage }
    }
    case 'sticker':
      return { stickerMessage: { ...common, ...size(content), isAnimated: content.animated === true, stickerSentTs: Date.now() } }
  }
}

function covered(message: proto.IMessage, viewOnce: boolean): proto.IMessage {
  return viewOnce ? { viewOnceMessageV2: { message } } : message
}

function placeOf(reference: FileReference): proto.Message.IImageMessage {
  return {
    url: reference.url,
    directPath: reference.direct_path,
    mediaKey: bytes(reference.media_key),
    mediaKeyTimestamp: reference.timestamp,
    fileSha256: bytes(reference.sha256),
    fileEncSha256: bytes(reference.encrypted_sha256),
    fileLength: reference.size
  }
}

function visible(content: Visible): { width?: number; height?: number; jpegThumbnail?: Uint8Array } {
  return { ...size(content), ...(content.thumbnail ? { jpegThumbnail: bytes(content.thumbnail) } : {}) }
}

function size({ width, height }: Visible): { width?: number; height?: number } {
  return width && height ? { width, height } : {}
}

function caption({ caption: text }: Captioned): { caption?: string } {
  return text ? { caption: text } : {}
}

function lasting({ seconds }: Lasting): { seconds?: number } {
  return seconds == null ? {} : { seconds }
}

function bytes(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64')
}
