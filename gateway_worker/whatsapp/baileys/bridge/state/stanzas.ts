/** How collections of the app state are asked for and changed: `w:sync:app:state`. */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren, type proto } from 'baileys'

import { hexOf } from '../channel/places.ts'
import type { FileArguments } from '../channel/questions.ts'

/** What is asked of a collection: what is new since `version`, or all; or that a patch be added. */
export interface Asked {
  name: string
  version: number
  isSnapshotWanted?: boolean
  patch?: Uint8Array
}

/** What WhatsApp answers about one. */
export interface Answered {
  name: string
  version: number
  /** WhatsApp's code of a refusal. */
  code: string | null
  text: string
  /** Where it lies, as it is written; and patches, likewise. */
  snapshot: Uint8Array | null
  patches: Uint8Array[]
  hasMore: boolean
}

export function syncQuery(asked: readonly Asked[]): BinaryNode {
  const content = asked.map(({ name, version, isSnapshotWanted = false, patch }): BinaryNode => {
    const attrs = { name, version: String(version), return_snapshot: String(isSnapshotWanted) }
    return { tag: 'collection', attrs, ...(patch === undefined ? {} : { content: [{ tag: 'patch', attrs: {}, content: patch }] }) }
  })
  const attrs = { to: 's.whatsapp.net', xmlns: 'w:sync:app:state', type: 'set' }
  return { tag: 'iq', attrs, content: [{ tag: 'sync', attrs: {}, content }] }
}

export function answersIn(answer: BinaryNode): Answered[] {
  return getBinaryNodeChildren(getBinaryNodeChild(answer, 'sync'), 'collection').map(answerIn)
}

function answerIn(node: BinaryNode): Answered {
  const { name = '', version = '0', type, has_more_patches: more } = node.attrs
  const error = type === 'error' ? (getBinaryNodeChild(node, 'error')?.attrs ?? {}) : null
  const patches = getBinaryNodeChildren(getBinaryNodeChild(node, 'patches') ?? node, 'patch')
  return {
    name,
    version: Number(version),
    code: error === null ? null : (error['code'] ?? ''),
    text: error?.['text'] ?? '',
    snapshot: bytesIn(getBinaryNodeChild(node, 'snapshot')),
    patches: patches.map(bytesIn).filter((bytes) => bytes !== null),
    hasMore: more === 'true'
  }
}

/** Where something lies that is too large for a stanza. */
export function placeOf(reference: proto.IExternalBlobReference): FileArguments {
  return {
    key_class: 'app_state',
    direct_path: reference.directPath ?? '',
    media_key: hexOf(reference.mediaKey) ?? '',
    sha256: hexOf(reference.fileSha256),
    encrypted_sha256: hexOf(reference.fileEncSha256),
    size: reference.fileSizeBytes == null ? null : Number(reference.fileSizeBytes)
  }
}

function bytesIn(node: BinaryNode | undefined): Uint8Array | null {
  return node?.content instanceof Uint8Array && node.content.length > 0 ? node.content : null
}
