/**
 * Each job of libsignal runs as part of who asked for it. To be loaded before libsignal is.
 *
 * libsignal queues its jobs by the address of the other side, for all sessions of this process together, and runs
 * whatever is in a queue as part of whoever began it: what one session encrypts for somebody, another session's job for
 * the same person would run outside of its own transaction, wait for the lock that this very transaction holds, and
 * block everybody who writes to that person, for ever. There is nothing to queue: each connection has a store of its
 * own, and one lock around all that changes it (`keys.ts`).
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const queue = require.resolve('libsignal/src/queue_job.js')

function runAtOnce<T>(_address: unknown, job: () => Promise<T>): Promise<T> {
  return job()
}

require(queue)
const loaded = require.cache[queue]
if (loaded === undefined || require.cache[require.resolve('libsignal/src/session_cipher.js')] !== undefined) {
  throw new Error('libsignal was loaded before its queue could be replaced')
}
loaded.exports = runAtOnce
