/** The other end of our socket: Python. Calls go both ways; every call has one answer, in any order. */
import type { Socket } from 'node:net'

import { cut, MAX_NAME, Unbounded } from '../words/limits.ts'
import type { Questions } from './questions.ts'
import { encodeFrame, FrameReader, FrameWriter, type Failure, type Frame } from './frames.ts'

export interface Answer {
  value?: unknown
  blobs?: Uint8Array[]
}

export interface Call {
  method: string
  connection: number
  args: unknown
  blobs: Buffer[]
}

/** A failure to be told to the caller under a `kind` it knows; any other error is told as `internal`, without its text. */
export class CallError extends Error {
  readonly failure: Failure

  constructor(kind: string, details: Record<string, unknown> = {}) {
    super(kind)
    const bounded = Object.entries(details).map(([name, value]): [string, unknown] => [
      name,
      typeof value === 'string' ? cut(value, MAX_NAME) : value
    ])
    this.failure = { ...Object.fromEntries<unknown>(bounded), kind }
  }
}

interface Waiting {
  resolve: (frame: Frame) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}

/** What Python answered to a question, and the blobs beside it. */
export interface Answered<M extends keyof Questions> {
  value: Awaited<ReturnType<Questions[M]>>
  blobs: Buffer[]
}

export class Peer {
  readonly #writer: FrameWriter
  readonly #reader = new FrameReader()
  readonly #waiting = new Map<number, Waiting>()
  readonly #serve: (call: Call) => Promise<Answer>
  #calls = 0

  constructor(socket: Socket, serve: (call: Call) => Promise<Answer>) {
    this.#writer = new FrameWriter(socket)
    this.#serve = serve
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.read(chunk)) this.#take(frame)
    })
  }

  /** Calls a method of Python, whatever it is. */
  call(method: string, connection: number, args: unknown, blobs: Uint8Array[], timeoutMs: number): Promise<Frame> {
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new CallError('deadline'))
      }, timeoutMs)
      this.#waiting.set(id, { resolve, reject, timer })
      try {
        this.#writer.write(encodeFrame({ c: id, m: method, s: connection, a: args }, blobs))
      } catch (error) {
        clearTimeout(timer)
        this.#waiting.delete(id)
        throw error
      }
    })
  }

  #take(frame: Frame): void {
    const { head, blobs } = frame
    if (head.r !== undefined) {
      this.#settle(head.r, frame)
    } else if (head.c !== undefined && head.m !== undefined) {
      void this.#answer(head.c, { method: head.m, connection: head.s ?? 0, args: head.a, blobs })
    }
  }

  #settle(id: number, frame: Frame): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    clearTimeout(waiting.timer)
    const failure = frame.head.e
    if (failure === undefined) waiting.resolve(frame)
    else waiting.reject(new CallError(failure.kind, failure))
  }

  async #answer(id: number, call: Call): Promise<void> {
    try {
      const { value, blobs } = await this.#serve(call)
      this.#writer.write(encodeFrame({ r: id, v: value ?? null }, blobs ?? []))
    } catch (error) {
      const failure = error instanceof CallError ? error.failure : { kind: 'internal', name: nameOf(error) }
      this.#writer.write(encodeFrame({ r: id, e: failure }))
    }
  }
}

/** Asks Python one of the questions that it knows. Rejects when that fails, or is not answered in time. */
export async function ask<M extends keyof Questions>(
  peer: Pick<Peer, 'call'>,
  method: M,
  connection: number,
  args: Parameters<Questions[M]>[0],
  blobs: Uint8Array[],
  timeoutMs: number
): Promise<Answered<M>> {
  const { head, blobs: answered } = await peer.call(method, connection, args, blobs, timeoutMs)
  return { value: head.v as Answered<M>['value'], blobs: answered }
}

/** An error's name: its message may hold numbers or texts. Of our own mistake it says which. */
export function nameOf(error: unknown): string {
  if (error instanceof Unbounded) return error.message
  return error instanceof Error ? error.name : typeof error
}
