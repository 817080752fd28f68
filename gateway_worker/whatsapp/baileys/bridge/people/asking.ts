/** WhatsApp's answer to a query: it came, it was a refusal, or there was none. */
import { CallError } from '../channel/peer.ts'
import { StoreClosed } from '../signal/store.ts'

interface Boom {
  data?: unknown
  message: string
  output?: { statusCode?: number }
}

/** Baileys' codes for a socket that closed, and for a query without an answer. */
const NO_ANSWER = new Set<unknown>([408, 428])

/** Waits for an answer of WhatsApp's; says whether it was a refusal, or none. */
export async function answered<T>(ask: () => Promise<T | undefined>): Promise<T> {
  let answer: T | undefined
  try {
    answer = await ask()
  } catch (error) {
    throw failureOf(error)
  }
  if (answer === undefined) throw new CallError('outcome_unknown')
  return answer
}

function failureOf(error: unknown): unknown {
  if (error instanceof CallError) return error
  if (error instanceof StoreClosed) return new CallError('outcome_unknown')
  const { data, message, output } = (error instanceof Error ? error : {}) as Boom
  if (typeof data === 'number') return new CallError('refused', { code: String(data), text: message })
  return NO_ANSWER.has(output?.statusCode) ? new CallError('outcome_unknown') : error
}
