/** The connections of one process, and what Python asks of them. */
import type { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import { Connection } from './connection.ts'
import type { Calls, Health, OpenArguments, Settings } from './channel/calls.ts'
import { Lease } from './channel/lease.ts'
import type { OutgoingArguments } from './outgoing/message.ts'
import { type Answer, type Call, CallError, Peer } from './channel/peer.ts'
import { fileIn } from './outgoing/reupload-request.ts'
import { trust, trustMedia } from './patches/trust.ts'

const TICK_MS = 500
const RESOLUTION_MS = 10
const MEGABYTE = 1024 * 1024
const LEASE_OVER = 3

type Ask<M extends keyof Calls> = (connection: Connection, args: Parameters<Calls[M]>[0], blobs: Buffer[]) => ReturnType<Calls[M]>
type OfConnection = Exclude<keyof Calls, 'configure' | 'describe' | 'open' | `group_${string}`>

/** What a connection is asked. */
const METHODS: { [M in OfConnection]: Ask<M> } = {
  send: (connection, args, blobs) => connection.send(args as OutgoingArguments, blobs[0]),
  upload: (connection, args) => connection.upload(args),
  holds: (connection, url) => connection.holds(url),
  ask_for_file: (connection, request) => connection.askForFile(request),
  file_in: (_, __, blobs) => Promise.resolve(fileIn(blobs[0])),
  mark_read: (connection, messages) => connection.markRead(messages),
  presence: (connection, presence) => connection.sendPresence(presence),
  check: (connection, phones) => connection.check(phones),
  picture: (connection, { jid, preview }) => connection.picture(jid, preview),
  subscribe: (connection, jid) => connection.subscribe(jid),
  prove: (connection, proof) => connection.prove(proof),
  confirm_code: (connection, isSame) => connection.confirmCode(isSame),
  change_state: (connection, changes) => connection.changeState(changes),
  profile: (connection) => connection.own.profile(),
  set_about: (connection, text) => connection.own.setAbout(text),
  set_picture: (connection, group, blobs) => connection.own.setPicture(group, blobs[0] ?? null),
  privacy: (connection) => connection.own.privacy(),
  set_privacy: (connection, setting) => connection.own.setPrivacy(setting),
  reject_call: (connection, { call_id, creator }) => connection.calls.reject(call_id, creator),
  block: (connection, { jid, on }) => connection.blockList.change(jid, on),
  logout: (connection) => connection.logout(),
  close: (connection) => connection.close()
}

export class Bridge {
  readonly #peer: Peer
  readonly #lease: Lease
  readonly #connections = new Map<number, Connection>()
  #settings: Settings | undefined
  #watch: NodeJS.Timeout | undefined
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #unhandled = 0

  constructor(socket: Socket) {
    this.#peer = new Peer(socket, (call) => this.#serve(call))
    // The kernel closes the sockets: no other stanza leaves, nothing says good-bye
    this.#lease = new Lease(this.#peer, () => process.exit(LEASE_OVER))
    // Nobody waits for a query of Baileys' that outlived its socket; the connection it belongs to has its own end
    process.on('unhandledRejection', () => (this.#unhandled += 1))
  }

  async #serve(call: Call): Promise<Answer> {
    switch (call.method) {
      case 'configure':
        await this.#configure(call.args as Settings)
        return {}
      case 'describe':
        return { value: this.#describe() }
      case 'open':
        this.#open(call)
        return {}
      default:
        return { value: await ask(this.#connectionOf(call), call) }
    }
  }

  async #configure(settings: Settings): Promise<void> {
    trust(settings.root_key)
    trustMedia(settings.media_certificate)
    this.#settings = settings
    await this.#lease.renew()
    this.#watch ??= this.#startWatch()
  }

  #open({ connection: number, args, blobs }: Call): void {
    if (this.#settings === undefined) throw new CallError('not_configured')
    const options = args as OpenArguments
    const credentials = options.paired ? blobs[0] : undefined
    const onEnd = (): void => void this.#connections.delete(number)
    const opening = { number, peer: this.#peer, lease: this.#lease, settings: this.#settings, options }
    this.#connections.set(number, new Connection(opening, credentials, onEnd))
  }

  #connectionOf({ connection: number }: Call): Connection {
    const connection = this.#connections.get(number)
    if (connection === undefined) throw new CallError('not_connected')
    return connection
  }

  /** How it is. The lag is the longest since it was asked last. */
  #describe(): Health {
    const { user, system } = process.cpuUsage()
    const longestMs = this.#delays.max / 1e6 - RESOLUTION_MS
    this.#delays.reset()
    return {
      rss: process.memoryUsage.rss(),
      heap_mb: Math.round(process.memoryUsage().heapUsed / MEGABYTE),
      cpu_seconds: (user + system) / 1e6,
      event_loop_lag: Math.max(0, longestMs) / 1000,
      connections: this.#connections.size,
      unhandled_rejections: this.#unhandled
    }
  }

  #startWatch(): NodeJS.Timeout {
    this.#delays.enable()
    return setInterval(() => {
      if (this.#lease.holds()) void this.#lease.renew()
    }, TICK_MS)
  }
}

function ask(connection: Connection, { method, args, blobs }: Call): Promise<unknown> {
  if (!Object.hasOwn(METHODS, method)) return connection.askGroups(method, args)
  return METHODS[method as OfConnection](connection, args as never, blobs)
}
