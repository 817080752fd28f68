/** What goes to one chat leaves in the order of the calls. */
export class ChatOrder {
  readonly #last = new Map<string, Promise<void>>()

  /** Calls `step` when the last one of this chat has ended, however it ended; answers as it does. */
  after(chat: string, step: () => Promise<void>): Promise<void> {
    const taken = (this.#last.get(chat) ?? Promise.resolve()).then(step, step)
    const done = (): void => {
      if (this.#last.get(chat) === taken) this.#last.delete(chat)
    }
    this.#last.set(chat, taken)
    taken.then(done, done)
    return taken
  }
}
