/** The WebAuthn request options that WhatsApp sends: read, bounded, and passed on as they are. Pure. */
import { type BinaryNode, getBinaryNodeChild } from 'baileys'

const MAX_OPTIONS = 16_384
const DEFAULT_TIMEOUT_MS = 600_000
const MIN_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 3_600_000

export interface Options {
  /** A `PublicKeyCredentialRequestOptions` as JSON. */
  json: string
  /** Milliseconds. */
  timeout: number
}

/** The options in a notification or an answer; undefined if there are none that anybody could sign. */
export function optionsIn(node: BinaryNode): Options | undefined {
  const content = getBinaryNodeChild(node, 'passkey_request_options')?.content
  if (!(content instanceof Uint8Array) || content.length > MAX_OPTIONS) return undefined
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(content)
    const options: unknown = JSON.parse(json)
    if (typeof options !== 'object' || options === null || Array.isArray(options)) return undefined
    const { challenge, timeout } = options as { challenge?: unknown; timeout?: unknown }
    if (typeof challenge !== 'string' || challenge === '') return undefined
    const asked = typeof timeout === 'number' && timeout > 0 ? timeout : DEFAULT_TIMEOUT_MS
    return { json: JSON.stringify(options), timeout: Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, asked)) }
  } catch {
    return undefined // not JSON
  }
}
