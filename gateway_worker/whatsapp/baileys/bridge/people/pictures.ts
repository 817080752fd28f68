/** What is asked about people: their pictures, and that we be told of their presence. */
import type { BinaryNode, WASocket } from 'baileys'

import { BoundedMap } from '../words/bounded.ts'
import type { Picture } from '../channel/calls.ts'
import { CallError } from '../channel/peer.ts'
import { boundPicture } from '../channel/schema.ts'

const MAX_REMEMBERED = 100
/** WhatsApp's codes: nobody, or no picture; and a picture that is not for us. */
const NONE = new Set([404, 204])
const HIDDEN = new Set([401, 403])

export class People {
  readonly #socket: WASocket
  /** Baileys answers a picture's address only; its id stands beside it in WhatsApp's answer. */
  readonly #ids = new BoundedMap<string>(MAX_REMEMBERED)

  constructor(socket: WASocket) {
    this.#socket = socket
  }

  /** Looks at WhatsApp's answer about a picture. */
  noteAnswer({ content }: BinaryNode): void {
    const pictures = Array.isArray(content) ? content : []
    for (const { attrs } of pictures) {
      if (attrs['url'] !== undefined && attrs['id'] !== undefined) this.#ids.set(attrs['url'], attrs['id'])
    }
  }

  /** @param jid of a person or a group, as WhatsApp knows it */
  async picture(jid: string, isPreview: boolean): Promise<Picture> {
    try {
      const url = await this.#socket.profilePictureUrl(jid, isPreview ? 'preview' : 'image')
      if (url === undefined) return { state: 'none', id: null, url: null }
      return boundPicture({ state: 'shown', id: this.#ids.get(url) ?? null, url })
    } catch (error) {
      const code = codeOf(error)
      if (NONE.has(code)) return { state: 'none', id: null, url: null }
      if (HIDDEN.has(code)) return { state: 'hidden', id: null, url: null }
      if (Number.isInteger(code)) throw new CallError('refused', { code: String(code) })
      throw error
    }
  }

  /** WhatsApp tells of a person only who asks to be told, on each connection anew. */
  async subscribe(jid: string): Promise<void> {
    await this.#socket.presenceSubscribe(jid)
  }
}

/** WhatsApp's code in an error of a query; NaN when it gave none. */
function codeOf(error: unknown): number {
  const code = (error as { data?: unknown } | undefined)?.data
  return typeof code === 'number' ? code : Number.NaN
}
