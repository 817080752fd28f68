/** The WebSocket below Baileys' own: its frames are encrypted, each as large as what was written at once. */
import type { WASocket } from 'baileys'
import type { WebSocket } from 'ws'

type Take = (frame: Uint8Array, done?: (error?: Error) => void) => void

export class Wire {
  readonly #client: WASocket['ws']

  constructor({ ws }: Pick<WASocket, 'ws'>) {
    this.#client = ws
  }

  /** From now on `take` gets what Baileys writes; the function that is returned lets a frame out. */
  divert(take: Take): (frame: Uint8Array) => void {
    const socket = this.#socket
    if (typeof socket?.send !== 'function') throw new Error('Baileys keeps its WebSocket somewhere else')
    const send = socket.send.bind(socket) as Take
    socket.send = take as typeof socket.send
    return send
  }

  /** Reads on, or not. Nothing happens once Baileys has let go of it. */
  read(isWanted: boolean): void {
    const socket = this.#socket
    if (!isWanted) socket?.pause()
    else if (socket?.isPaused === true) socket.resume()
  }

  /** A function that closes it without a word, even when Baileys has let go of it. */
  terminator(): () => void {
    const socket = this.#socket
    return () => socket?.terminate()
  }

  get #socket(): WebSocket | null | undefined {
    return Reflect.get(this.#client, 'socket') as WebSocket | null | undefined
  }
}
