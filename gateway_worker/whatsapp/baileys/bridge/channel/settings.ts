/** What becomes of a connection's settings. */
import { Agent as HttpsAgent } from 'node:https'

import { CallError } from './peer.ts'

/** An agent for `http(s)://` proxies, which Node tunnels through by itself; SOCKS would need a library. */
export function agentFor(proxy: string | null): HttpsAgent | undefined {
  if (proxy === null) return undefined
  if (!/^https?:\/\//.test(proxy)) throw new CallError('unsupported_proxy')
  return new HttpsAgent({ proxyEnv: { HTTPS_PROXY: proxy } })
}
