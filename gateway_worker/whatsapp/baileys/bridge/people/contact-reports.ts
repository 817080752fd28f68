/** What WhatsApp tells of people by notification: they have another picture, another status text, or none. */
import { type BinaryNode, type Contact, isLidUser, isPnUser, jidNormalizedUser } from 'baileys'

import { isOwn, type Mapping, personOf, phoneOf } from '../words/addresses.ts'
import type { ContactsFact, ProfileFact } from '../channel/payloads.ts'
import { secondsOf } from '../words/limits.ts'
import { textIn } from '../words/nodes.ts'

const PICTURE = 'picture'
const STATUS = 'status'
const SHOWN = new Set(['set', 'add'])

/** Whether a notification tells something about one person. */
export function isContactReport({ attrs }: BinaryNode): boolean {
  const from = jidNormalizedUser(attrs['from'])
  return (attrs['type'] === PICTURE || attrs['type'] === STATUS) && (isPnUser(from) === true || isLidUser(from) === true)
}

/** A notification as `ContactsReported` of the port, or as `ProfileReported` of the account itself; null when it says nothing. */
export async function contactReportOf(
  stanza: BinaryNode,
  me: Contact | undefined,
  mapping: Mapping
): Promise<ContactsFact | ProfileFact | null> {
  const { attrs, content } = stanza
  const from = attrs['from'] ?? ''
  const [child] = Array.isArray(content) ? content : []
  if (child === undefined) return null
  const change = attrs['type'] === PICTURE ? pictureOf(child, attrs['id']) : aboutOf(child)
  if (change === null) return null
  if (isOwn(from, me)) return { fact: 'profile', ...change, timestamp: secondsOf(attrs['t']) }
  const { pn, lid } = await personOf(from, child.attrs['jid'], mapping)
  const person = { jid: pn ?? lid ?? jidNormalizedUser(from), lid: lid ?? null, phone: phoneOf(pn) }
  return { fact: 'contacts', contacts: [{ ...person, ...change, timestamp: secondsOf(attrs['t']) }], from_before: false }
}

/** WhatsApp sometimes leaves the picture's id out: then the notification is what tells it from another one. */
function pictureOf({ tag, attrs }: BinaryNode, id = ''): { picture: string } | null {
  if (tag === 'delete') return { picture: '' }
  return SHOWN.has(tag) ? { picture: attrs['id'] ?? id } : null
}

function aboutOf(node: BinaryNode): { about: string } | null {
  return node.tag === 'set' ? { about: textIn(node) } : null
}
