/** Votes in polls. */
import { createHash } from 'node:crypto'

import type { proto } from 'baileys'

import { optionsOf, pollCreationOf } from '../words/content.ts'
import { MAX_OPTIONS } from '../words/limits.ts'
import type { Original } from './originals.ts'
import { unwrap } from '../words/wrappers.ts'

/** What somebody has chosen: the options that are known, and how many are not. */
export function chosenOf(
  { selectedOptions }: proto.Message.IPollVoteMessage,
  { message, options }: Pick<Original, 'message' | 'options'>
): { options: string[]; unknown_options: number } {
  const poll = pollCreationOf(unwrap(message))
  const offered = [...options, ...(poll === null ? [] : optionsOf(poll))]
  const names = new Map(offered.map((name) => [createHash('sha256').update(name).digest('hex'), name]))
  const hashes = new Set((selectedOptions ?? []).slice(0, MAX_OPTIONS).map((hash) => Buffer.from(hash).toString('hex')))
  const chosen = [...hashes].flatMap((hash) => names.get(hash) ?? [])
  return { options: chosen, unknown_options: hashes.size - chosen.length }
}
