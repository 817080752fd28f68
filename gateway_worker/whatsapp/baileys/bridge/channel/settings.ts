/** What Python configures a bridge with, and how it asks for a connection. */
import { Agent as HttpsAgent } from 'node:https'

import type { WAVersion } from 'baileys'

import { CallError } from './peer.ts'

/** Times in milliseconds; null leaves what Baileys has. */
export interface Settings {
  url: string | null
  root_key: string | null
  /** PEM of an authority that signs the media host's certificate, besides the usual ones. */
  media_certificate: string | null
  version: WAVersion | null
  ack_deadline: number
  store_deadline: number
  qr_timeout: number | null
  passkey_answer_timeout: number
  passkey_handoff_lifetime: number
  keep_alive: number
}

export interface OpenArguments {
  paired: boolean
  pair_with: string | null
  mark_online: boolean
  read_receipts: boolean
  reject_calls: boolean
  history: string
  proxy: string | null
  /** The process that held the session's last connection died: what waited is counted before it is handled. */
  careful: boolean
}

/** An agent for `http(s)://` proxies, which Node tunnels through by itself; SOCKS would need a library. */
export function agentFor(proxy: string | null): HttpsAgent | undefined {
  if (proxy === null) return undefined
  if (!/^https?:\/\//.test(proxy)) throw new CallError('unsupported_proxy')
  return new HttpsAgent({ proxyEnv: { HTTPS_PROXY: proxy } })
}
