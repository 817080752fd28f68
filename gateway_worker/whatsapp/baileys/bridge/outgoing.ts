/** Outgoing messages: from the port's words to WAProto. Nothing is fetched for them. */
import { type AnyMessageContent, generateWAMessage, proto, type WAMessage } from 'baileys'

import { CallError } from './peer.ts'

export interface OutgoingArguments {
  message_id: string
  to: string
  content: { kind: string; text?: string; link_preview?: { url: string; title: string; description?: string | null } | null }
  quoted: { message_id: string; sender: string; from_me: boolean } | null
  mentions: string[]
}

function contentOf({ content, mentions }: OutgoingArguments): AnyMessageContent {
  if (content.kind !== 'text' || content.text === undefined) throw new CallError('unsupported_content')
  const preview = content.link_preview
  return {
    text: content.text,
    ...(mentions.length > 0 ? { mentions } : {}),
    linkPreview: preview
      ? {
          'canonical-url': preview.url,
          'matched-text': preview.url,
          title: preview.title,
          ...(preview.description ? { description: preview.description } : {})
        }
      : null
  }
}

function quotedOf({ quoted, to }: OutgoingArguments, plaintext: Uint8Array | undefined): WAMessage | undefined {
  if (quoted === null || plaintext === undefined) return undefined
  const key = { remoteJid: to, id: quoted.message_id, fromMe: quoted.from_me, participant: quoted.sender }
  return { key, message: proto.Message.decode(plaintext) } as WAMessage
}

/** Builds the WAProto message. `quotedPlaintext` is the serialised message that is quoted. */
export async function messageOf(
  args: OutgoingArguments,
  jid: string,
  ownJid: string,
  quotedPlaintext: Uint8Array | undefined
): Promise<proto.IMessage> {
  const quoted = quotedOf({ ...args, to: jid }, quotedPlaintext)
  const { message } = await generateWAMessage(jid, contentOf(args), {
    userJid: ownJid,
    messageId: args.message_id,
    upload: () => Promise.reject(new CallError('unsupported_content')),
    ...(quoted ? { quoted } : {})
  })
  if (message == null) throw new CallError('unsupported_content')
  return message
}
