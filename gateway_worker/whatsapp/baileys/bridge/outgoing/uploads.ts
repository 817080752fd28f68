/** Files of ours on their way to WhatsApp's media host: encrypted beside themselves, streamed, never whole in memory. */
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { type Agent, request } from 'node:https'
import { pipeline } from 'node:stream/promises'

import { getMediaKeys, type MediaType, type WASocket } from 'baileys'

import type { FileReference, UploadArguments } from '../channel/calls.ts'
import { CallError } from '../channel/peer.ts'
import { sweeping } from './sweeping.ts'

const MAC_BYTES = 10
const LOOK_TIMEOUT_MS = 10_000

interface Encrypted {
  mediaKey: Buffer
  sha256: Buffer
  encryptedSha256: Buffer
  size: number
}

/** As WhatsApp wants it: AES-256-CBC, then ten bytes of an HMAC over IV and ciphertext. */
async function encrypt(from: string, to: string, fileClass: MediaType): Promise<Encrypted> {
  const mediaKey = randomBytes(32)
  const { cipherKey, iv, macKey } = await getMediaKeys(mediaKey, fileClass)
  if (macKey === undefined) throw new CallError('upload_failed')
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const mac = createHmac('sha256', macKey).update(iv)
  const plain = createHash('sha256')
  const encrypted = createHash('sha256')
  let size = 0
  const noted = (chunk: Buffer): Buffer => {
    mac.update(chunk)
    encrypted.update(chunk)
    return chunk
  }
  await pipeline(
    createReadStream(from),
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        size += chunk.length
        plain.update(chunk)
        yield noted(cipher.update(chunk))
      }
      yield noted(cipher.final())
      const end = mac.digest().subarray(0, MAC_BYTES)
      encrypted.update(end)
      yield end
    },
    createWriteStream(to, { mode: 0o600 })
  )
  return { mediaKey, sha256: plain.digest(), encryptedSha256: encrypted.digest(), size }
}

/** Uploads a file; the host may be asked again when this fails. */
export function upload(socket: WASocket, args: UploadArguments): Promise<FileReference> {
  return sweeping(() => encryptAndUpload(socket, args))
}

async function encryptAndUpload(socket: WASocket, args: UploadArguments): Promise<FileReference> {
  const encryptedPath = `${args.path}.enc`
  try {
    const { mediaKey, sha256, encryptedSha256, size } = await encrypt(args.path, encryptedPath, args.file_class)
    const lies = await socket.waUploadToServer(encryptedPath, {
      mediaType: args.file_class,
      fileEncSha256B64: encryptedSha256.toString('base64'),
      timeoutMs: args.patience
    })
    return {
      url: lies.mediaUrl,
      direct_path: lies.directPath,
      media_key: mediaKey.toString('base64'),
      sha256: sha256.toString('base64'),
      encrypted_sha256: encryptedSha256.toString('base64'),
      size,
      timestamp: Math.floor(Date.now() / 1000)
    }
  } catch (error) {
    if (error instanceof CallError) throw error
    throw new CallError('upload_failed', { name: (error as Error).name })
  } finally {
    await unlink(encryptedPath).catch(() => undefined)
  }
}

/** Whether the host still gives out what lies there: one byte of it is asked for. */
export function lies(url: string, agent: Agent | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { headers: { Range: 'bytes=0-0', Origin: 'https://web.whatsapp.com' }, timeout: LOOK_TIMEOUT_MS }
    const asking = request(url, { ...options, ...(agent ? { agent } : {}) }, (answer) => {
      resolve(answer.statusCode === 200 || answer.statusCode === 206)
      answer.destroy()
    })
    asking.on('timeout', () => asking.destroy())
    asking.on('error', () => resolve(false)).end()
  })
}
