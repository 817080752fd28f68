/** What Python configures a bridge with, and how it asks for a connection. */
import { Agent as HttpsAgent } from 'node:https'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

import { type WAVersion, WA_CERT_DETAILS } from 'baileys'

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

/** Trusts another root than WhatsApp's for Noise certificates (the simulator's). */
export function trust(rootKey: string | null): void {
  if (rootKey !== null) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
}

const USUAL_AUTHORITIES = getCACertificates('default')

/** Trusts the simulator's media host too. */
export function trustMedia(certificate: string | null): void {
  if (certificate !== null) setDefaultCACertificates([...USUAL_AUTHORITIES, certificate])
}

/** An agent for `http(s)://` proxies, which Node tunnels through by itself; SOCKS would need a library. */
export function agentFor(proxy: string | null): HttpsAgent | undefined {
  if (proxy === null) return undefined
  if (!/^https?:\/\//.test(proxy)) throw new CallError('unsupported_proxy')
  return new HttpsAgent({ proxyEnv: { HTTPS_PROXY: proxy } })
}
