/** The file of a message: what its sender's phone says of it, and where it lies encrypted at WhatsApp. */
import { proto } from 'baileys'

import { headerOf } from './business.ts'
import { addressOf } from './limits.ts'

/** What a backend is told of a file before anybody has looked at it. */
export interface Attachment {
  mimetype: string | null
  size: number | null
  sha256: string | null
  file_name: string | null
  /** Where it lies and how it is read; null when the message does not say (as after an edit of its caption). */
  lies: Place | null
}

/** As `RemoteFile` of the port; bytes in hexadecimal. */
export interface Place {
  file_class: 'image' | 'video' | 'audio' | 'document'
  url: string | null
  direct_path: string | null
  media_key: string
  encrypted_sha256: string | null
}

export type FileContent =
  | { kind: 'image'; media: Attachment; caption: string | null }
  | { kind: 'video'; media: Attachment; caption: string | null; gif: true | null; note: true | null }
  | { kind: 'audio' | 'voice'; media: Attachment; seconds: number | null }
  | { kind: 'document'; media: Attachment; caption: string | null }
  | { kind: 'sticker'; media: Attachment; animated: true | null }

type Part =
  | proto.Message.IImageMessage
  | proto.Message.IVideoMessage
  | proto.Message.IAudioMessage
  | proto.Message.IDocumentMessage
  | proto.Message.IStickerMessage

/** What the phones call a sticker that is drawn, not filmed. */
const LOTTIE = 'application/was'
/** Of a name that a stranger gave a file: what it ends with says what it is. */
const MAX_READ = 4_096
const KEY_BYTES = 32
const HASH_BYTES = 32

/** The kinds with a file, or null. */
export function fileOf(message: proto.IMessage): FileContent | null {
  const { imageMessage, videoMessage, ptvMessage, audioMessage, documentMessage, stickerMessage } = message
  if (imageMessage != null) return { kind: 'image', media: attachment(imageMessage, 'image'), caption: imageMessage.caption || null }
  if (videoMessage != null) return videoOf(videoMessage, false)
  if (ptvMessage != null) return videoOf(ptvMessage, true)
  if (audioMessage != null) {
    const kind = audioMessage.ptt === true ? 'voice' : 'audio'
    return { kind, media: attachment(audioMessage, 'audio'), seconds: audioMessage.seconds ?? null }
  }
  if (documentMessage != null) {
    return { kind: 'document', media: attachment(documentMessage, 'document'), caption: documentMessage.caption || null }
  }
  if (stickerMessage == null) return null
  return stickerOf(stickerMessage)
}

function stickerOf(sticker: proto.Message.IStickerMessage): FileContent {
  const media = attachment(sticker, 'image')
  const isLottie = sticker.isLottie === true
  const mimetype = media.mimetype ?? (isLottie ? LOTTIE : null)
  return { kind: 'sticker', media: { ...media, mimetype }, animated: isLottie || sticker.isAnimated === true || null }
}

/** Where the file of a message lies, also one above a business's text; null when it has none. */
export function placeOf(message: proto.IMessage): (Attachment & { lies: Place }) | null {
  const media = (fileOf(message) ?? fileOf(headerOf(message) ?? {}))?.media
  return media?.lies == null ? null : { ...media, lies: media.lies }
}

function videoOf(video: proto.Message.IVideoMessage, isNote: boolean): FileContent {
  const media = attachment(video, 'video')
  return { kind: 'video', media, caption: video.caption || null, gif: video.gifPlayback === true || null, note: isNote || null }
}

function attachment(part: Part, fileClass: Place['file_class']): Attachment {
  const size = Number(part.fileLength ?? Number.NaN)
  return {
    mimetype: part.mimetype || null,
    size: Number.isSafeInteger(size) && size >= 0 ? size : null,
    sha256: hex(part.fileSha256, HASH_BYTES),
    file_name: ('fileName' in part && part.fileName ? nameOf(part.fileName) : null) || null,
    lies: place(part, fileClass)
  }
}

/** A name without folders and without control characters, those that turn the direction among them: somebody may save the file under it. */
function nameOf(given: string): string {
  const name = (given.slice(-MAX_READ).split(/[/\\]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, '').trim()
  return name === '.' || name === '..' ? '' : name
}

function place(part: Part, fileClass: Place['file_class']): Place | null {
  const mediaKey = hex(part.mediaKey, KEY_BYTES)
  const url = addressOf(part.url)
  const directPath = addressOf(part.directPath)
  if (mediaKey === null || !(url || directPath)) return null
  return {
    file_class: fileClass,
    url,
    direct_path: directPath,
    media_key: mediaKey,
    encrypted_sha256: hex(part.fileEncSha256, HASH_BYTES)
  }
}

function hex(bytes: Uint8Array | null | undefined, length: number): string | null {
  return bytes?.length === length ? Buffer.from(bytes).toString('hex') : null
}
