/** What a message refers to, beside what it says: a quote, people, an advertisement, the message that it is a part of. */
import { proto } from 'baileys'

import { FIELDS } from './fields.ts'
import { isId } from './limits.ts'
import { associationOf, isViewOnce, type Layer, unwrap, wrappersOf } from './wrappers.ts'

const { AssociationType } = proto.MessageAssociation

/** The advertisement, or the link with a picture, that somebody came by. */
export interface Ad {
  title: string | null
  body: string | null
  source_type: string | null
  source_id: string | null
  source_url: string | null
  source_app: string | null
  media_url: string | null
  ctwa_clid: string | null
  ref: string | null
  greeting: string | null
  conversion_source: string | null
  entry_point: string | null
  utm_source: string | null
  utm_campaign: string | null
}

export interface References {
  quoted_id: string | null
  mentions: string[]
  ad: Ad | null
  association: { type: string; message_id: string; index: number | null } | null
  wrappers: string[]
}

/** Of a message as it came, in its wrappers. */
export function referencesOf(wrapped: proto.IMessage): References {
  const message = unwrap(wrapped)
  const context = contextOf(message)
  return {
    quoted_id: context?.stanzaId || answeredBy(message as Layer),
    mentions: context?.mentionedJid ?? [],
    ad: adOf(context),
    association: partOf(associationOf(wrapped)),
    wrappers: wrappersOf(wrapped)
  }
}

/** Its marks (`channel/flags.ts`, `schemas/content/flags.py`). */
export function flagsOf(wrapped: proto.IMessage) {
  const context = contextOf(unwrap(wrapped))
  return {
    mentions_all: (context?.nonJidMentions ?? 0) > 0,
    forwarded: context?.isForwarded === true,
    view_once: isViewOnce(wrapped)
  }
}

export function contextOf(message: proto.IMessage): proto.IContextInfo | null {
  const { templateMessage: template, highlyStructuredMessage: hsm } = message
  const within = [template?.interactiveMessageTemplate, hsm?.hydratedHsm]
  const holders = [...Object.values<unknown>({ ...message }), ...within] as (
    { contextInfo?: proto.IContextInfo | null } | null | undefined
  )[]
  return holders.find((holder) => typeof holder === 'object' && holder?.contextInfo != null)?.contextInfo ?? null
}

/** The message that a field names which is about one and yet no change of it. */
function answeredBy(message: Layer): string | null {
  for (const [name, value] of Object.entries(message)) {
    const treatment = FIELDS[name]
    const field = treatment?.is === 'unsupported' || treatment?.is === 'content' ? treatment.about : undefined
    const key = field === undefined ? null : (value as Record<string, proto.IMessageKey | null> | null)?.[field]
    if (key?.id) return key.id
  }
  return null
}

function partOf(association: proto.IMessageAssociation | null): References['association'] {
  const id = association?.parentMessageKey?.id
  if (association === null || !isId(id)) return null
  const name = AssociationType[association.associationType ?? 0] ?? AssociationType[0]
  return { type: String(name).toLowerCase(), message_id: id, index: association.messageIndex ?? null }
}

export function adOf(context: proto.IContextInfo | null): Ad | null {
  const { externalAdReply: ad, quotedAd: quoted, utm } = context ?? {}
  if (ad == null && quoted == null) return null
  return {
    title: ad?.title || quoted?.advertiserName || null,
    body: ad?.body || quoted?.caption || null,
    source_type: ad?.sourceType || null,
    source_id: ad?.sourceId || null,
    source_url: ad?.sourceUrl || null,
    source_app: ad?.sourceApp || null,
    media_url: ad?.mediaUrl || null,
    ctwa_clid: ad?.ctwaClid || null,
    ref: ad?.ref || null,
    greeting: ad?.greetingMessageBody || null,
    conversion_source: context?.conversionSource || null,
    entry_point: context?.entryPointConversionSource || null,
    utm_source: utm?.utmSource || null,
    utm_campaign: utm?.utmCampaign || null
  }
}
