/**
 * Frames between Python and the bridge, over a socket of their own.
 *
 * A frame is `u32 size of the rest | u32 size of the head | head (JSON) | blobs`, little endian. `head.b` lists the sizes
 * of the blobs, so keys and messages travel as they are, without base64. Both sides call each other alike:
 *
 *     {c: 7, m: "commit", s: 3, a: {…}, b: [12, 40]}    call 7 of method `commit` about connection 3
 *     {r: 7, v: {…}, b: []}                              its result
 *     {r: 7, e: {kind: "store_refused", …}}              its failure
 */
import type { Socket } from 'node:net'

/**
 * Batches are cut at a megabyte (`commit.ts`). One change alone may be as large as a frame of WhatsApp's, 16 MiB, and is told
 * by no more than another (`schema.ts`): whatever one stanza brings fits.
 */
export const MAX_FRAME_BYTES = 24 * 1024 * 1024
const SIZES = 8

export interface Head {
  c?: number
  m?: string
  s?: number
  a?: unknown
  r?: number
  v?: unknown
  e?: Failure
  b?: number[]
}

/** How a call failed; `kind` names a class of the other side. */
export interface Failure {
  kind: string
  [detail: string]: unknown
}

export interface Frame {
  head: Head
  blobs: Buffer[]
}

/** A frame that cannot be written. Its message says what it was, and holds nothing of what was in it. */
export class FrameTooLarge extends RangeError {}

export function encodeFrame(head: Head, blobs: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(blobs.length > 0 ? { ...head, b: blobs.map((blob) => blob.length) } : head))
  const size = blobs.reduce((sum, blob) => sum + blob.length, SIZES + text.length)
  if (size > MAX_FRAME_BYTES) {
    const others = size - text.length
    throw new FrameTooLarge(`a frame of ${head.m ?? 'an answer'} would be too large: ${text.length} bytes of JSON, ${others} others`)
  }
  const frame = Buffer.allocUnsafe(size)
  frame.writeUInt32LE(size - 4, 0)
  frame.writeUInt32LE(text.length, 4)
  let offset = SIZES + text.copy(frame, SIZES)
  for (const blob of blobs) {
    frame.set(blob, offset)
    offset += blob.length
  }
  return frame
}

function decodeFrame(frame: Buffer): Frame {
  const start = 4 + frame.readUInt32LE(0)
  const head = JSON.parse(frame.toString('utf8', 4, start)) as Head
  let offset = start
  const blobs = (head.b ?? []).map((size) => frame.subarray(offset, (offset += size)))
  return { head, blobs }
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  #chunks: Buffer[] = []
  #size = 0

  /** Takes what arrived; answers the frames that are complete now. */
  read(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const frames: Frame[] = []
    while (this.#size >= 4) {
      const size = 4 + this.#peek().readUInt32LE(0)
      if (size > MAX_FRAME_BYTES) throw new RangeError('a frame is too large')
      if (this.#size < size) break
      const all = this.#join()
      this.#chunks = size < all.length ? [all.subarray(size)] : []
      this.#size = all.length - size
      frames.push(decodeFrame(all.subarray(4, size)))
    }
    return frames
  }

  #peek(): Buffer {
    const first = this.#chunks[0]
    return first !== undefined && first.length >= 4 ? first : this.#join()
  }

  #join(): Buffer {
    const [only, ...others] = this.#chunks
    const all = only !== undefined && others.length === 0 ? only : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}

/** Writes frames; those of one turn of the event loop leave in one system call. */
export class FrameWriter {
  readonly #socket: Socket
  #corked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  write(frame: Buffer): void {
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      setImmediate(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frame)
  }
}
