import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { placeOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/attachments.ts'
import { contentOf, forwardingOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/content.ts'
import { decoded } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/decoding.ts'
import { CONTEXT_FIELDS, FIELDS, PROTOCOL_TYPES } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/fields.ts'
import { flagsOf, referencesOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/references.ts'
import { boundMessage } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/schema.ts'
import { unwrap } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/wrappers.ts'

const { Message, ContextInfo } = proto

/** The fields of a message type, as WAProto has them. */
function fieldsOf(type: { prototype: object }): string[] {
  return Object.entries(type.prototype).flatMap(([name, value]) => (typeof value === 'function' ? [] : [name]))
}

const isWrapper = (name: string): boolean =>
  (Message.fromObject({ [name]: name === 'conversation' ? '' : {} }) as any)[name] instanceof Message.FutureProofMessage

/** Sent and received: what is not in WAProto is gone. */
function arrived(message: object): proto.IMessage {
  const read = decoded(Message.encode(Message.fromObject(message)).finish())
  assert.ok(read)
  return read
}

function described(message: object): any {
  const content: any = contentOf(unwrap(arrived(message)))
  boundMessage({ content }) // each field has its limit
  return content
}

const missing = (names: readonly string[], table: object): string[] => names.filter((name) => !(name in table))

test('everything that WAProto has was decided about, and what is new there is found', () => {
  assert.deepEqual(missing(fieldsOf(Message), FIELDS), [])
  assert.deepEqual(missing(fieldsOf(ContextInfo), CONTEXT_FIELDS), [])
  assert.deepEqual(missing(Object.keys(Message.ProtocolMessage.Type), PROTOCOL_TYPES), [])
  assert.ok(fieldsOf(Message).length > 90 && fieldsOf(ContextInfo).length > 40)
  assert.deepEqual(missing([...fieldsOf(Message), 'hologramMessage'], FIELDS), ['hologramMessage'])
})

test('what WAProto says is a wrapper is one in the table, and nothing else is', () => {
  const wrappers = fieldsOf(Message).filter((name) => isWrapper(name) || name === 'deviceSentMessage')
  const listed = fieldsOf(Message).filter((name) => FIELDS[name]?.is === 'wrapper')
  assert.deepEqual(wrappers.sort(), listed.sort())
})

test('a text is told from inside each wrapper, with what wrapped it', () => {
  for (const name of fieldsOf(Message).filter((field) => FIELDS[field]?.is === 'wrapper')) {
    const message = { [name]: { message: { ephemeralMessage: { message: { conversation: 'hi' } } } } }
    assert.deepEqual(described(message), { kind: 'text', text: 'hi' }, name)
    const isShown = FIELDS[name]?.is === 'wrapper' && FIELDS[name].isShown
    assert.deepEqual(referencesOf(arrived(message)).wrappers, isShown ? [name] : [], name)
  }
})

test('a wrapper that nobody has heard of is taken off and told, for WAProto says that it is one', () => {
  const hologram = Message.FutureProofMessage.create({ message: { conversation: 'hi' } })
  const message = Object.assign(Message.create(), { hologramMessage: hologram })
  assert.deepEqual(contentOf(unwrap(message)), { kind: 'text', text: 'hi' })
  assert.deepEqual(referencesOf(message).wrappers, ['hologramMessage'])
  const other = Object.assign(Message.create(), { hologramMessage: { size: 3 } })
  assert.deepEqual(contentOf(unwrap(other)), { kind: 'unsupported', whatsapp_type: 'hologramMessage' })
})

/** A field of a number that WAProto may not know, around these bytes. */
function field(number: number, content: Uint8Array): Uint8Array {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])
  return Buffer.from([...varint((number << 3) | 2), ...varint(content.length), ...content])
}

const within = (message: Uint8Array): Uint8Array => field(1, message)

test('what is newer than the installed WAProto is read by its number, also inside what is not', () => {
  const text = Message.encode({ conversation: 'hi' }).finish()
  const spoiler = field(118, within(text))
  const own = field(31, field(2, spoiler)) // from a device of our own
  for (const bytes of [spoiler, own, field(118, within(spoiler))]) {
    const message = decoded(bytes) ?? {}
    assert.deepEqual(contentOf(unwrap(message)), { kind: 'text', text: 'hi' })
    assert.ok(referencesOf(message).wrappers.includes('spoilerMessage'))
  }
  const poll = Message.PollCreationMessage.encode({ name: 'When?', options: [{ optionName: 'Now' }], selectableOptionsCount: 1 }).finish()
  assert.equal(contentOf(decoded(field(119, poll)) ?? {})?.kind, 'poll')
  assert.deepEqual(contentOf(decoded(field(125, Buffer.of())) ?? {}), { kind: 'unsupported', whatsapp_type: 'splitPaymentMessage' })
  assert.deepEqual(contentOf(decoded(field(999, Buffer.of())) ?? {}), { kind: 'unsupported', whatsapp_type: 'unknown' })
  const info = proto.WebMessageInfo.decode(field(2, spoiler)) // of the history
  assert.deepEqual(contentOf(unwrap(info.message ?? {})), { kind: 'text', text: 'hi' })
})

test('neither depth nor number of such fields is without an end', () => {
  let deep: Uint8Array = Message.encode({ conversation: 'hi' }).finish()
  for (let count = 0; count < 20; count += 1) deep = field(118, within(deep))
  assert.equal(contentOf(unwrap(decoded(deep) ?? {}))?.kind, 'unsupported')
  const many = Buffer.concat(Array.from({ length: 160_000 }, () => field(125, Buffer.of())))
  assert.equal(decoded(field(118, within(many))), null)
})

test('every field, empty, is told as what it is by its name, or not at all', () => {
  for (const name of fieldsOf(Message).filter((field) => !['conversation', 'protocolMessage'].includes(field))) {
    const content = contentOf(unwrap(arrived({ [name]: {} })))
    const treatment = FIELDS[name]?.is
    if (treatment === 'silent') assert.ok(content === null || content.kind === 'unsupported', name)
    else if (content?.kind === 'unsupported') assert.equal(content.whatsapp_type, name)
    else assert.equal(treatment, 'content', name)
    if (treatment !== 'content') assert.equal(forwardingOf(arrived({ [name]: {} })).how, 'no', name)
  }
})

const url = 'https://example.com/x'
const quick = { type: 'quick_reply', id: 'yes', text: 'Yes', url: null, phone: null, card: null, code: null }
const file = { mimetype: 'image/jpeg', mediaKey: Buffer.alloc(32, 7).toString('base64'), directPath: '/v/x.enc' }
const hydrated = {
  hydratedTitleText: 'Acme',
  hydratedContentText: 'Your code is 123456',
  hydratedFooterText: 'Never share it',
  hydratedButtons: [
    { index: 0, quickReplyButton: { displayText: 'Yes', id: 'yes' } },
    { index: 1, urlButton: { displayText: 'Copy', url: 'https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp123456' } },
    { index: 2, callButton: { displayText: 'Call', phoneNumber: '+15550001111' } }
  ]
}
const flow = (name: string, params: object): object => ({ name, buttonParamsJson: JSON.stringify(params) })

test('messages of businesses are told as phones show them, with their buttons and rows', () => {
  const template = described({ templateMessage: { hydratedTemplate: hydrated, hydratedFourRowTemplate: hydrated } })
  assert.equal(template.text, 'Acme\nYour code is 123456\nNever share it')
  assert.deepEqual(template.buttons[0], quick)
  assert.equal(template.buttons[1].code, '123456')
  assert.equal(template.buttons[2].phone, '+15550001111')
  assert.equal(described({ highlyStructuredMessage: { hydratedHsm: { hydratedTemplate: hydrated } } }).text, template.text)
  assert.equal(described({ highlyStructuredMessage: { elementName: 'code', params: ['123456'] } }).text, 'code\n123456')

  const rows = [{ title: 'Small', description: 'for one', rowId: 's' }]
  const list = described({
    listMessage: { title: 'Pizza', description: 'Which?', buttonText: 'Menu', footerText: 'Thanks', sections: [{ title: 'Sizes', rows }] }
  })
  assert.equal(list.text, 'Pizza\nWhich?\nThanks')
  assert.deepEqual(list.rows, [{ id: 's', title: 'Small', description: 'for one', section: 'Sizes' }])
  assert.equal(list.buttons[0].text, 'Menu')

  const buttons = [{ buttonId: 'yes', buttonText: { displayText: 'Yes' }, type: 1 }]
  const asked = described({ buttonsMessage: { text: 'Acme', contentText: 'Sure?', footerText: 'Thanks', headerType: 2, buttons } })
  assert.deepEqual(asked, { kind: 'text', text: 'Acme\nSure?\nThanks', buttons: [quick] })
})

test('native flows are told with what their buttons do', () => {
  const nativeFlowMessage = {
    buttons: [
      flow('quick_reply', { display_text: 'Yes', id: 'yes' }),
      flow('cta_url', { display_text: 'Open', url }),
      flow('cta_copy', { display_text: 'Copy', copy_code: 'C0DE' }),
      flow('cta_call', { display_text: 'Call', phone_number: '+15550001111' }),
      flow('single_select', { title: 'Menu', sections: [{ title: 'Sizes', rows: [{ id: 's', title: 'Small' }] }] }),
      flow('review_and_pay', {
        reference_id: 'R1',
        currency: 'EUR',
        total_amount: { value: 2500, offset: 100 },
        order: { items: [{ name: 'Pizza', quantity: 2, amount: { value: 1250, offset: 100 } }] }
      }),
      { name: 'broken', buttonParamsJson: '{"display_text":' }
    ]
  }
  const content = described({
    interactiveMessage: { header: { title: 'Acme' }, body: { text: 'Well?' }, footer: { text: 'Thanks' }, nativeFlowMessage }
  })
  assert.equal(content.text, 'Acme\nWell?\n2 × Pizza: 12.50 EUR\n25 EUR\nThanks')
  const [reply, link, copy, call, select, pay, broken] = content.buttons
  assert.deepEqual(reply, quick)
  assert.deepEqual(
    [link.url, copy.code, call.phone, select.text, pay.id, broken.type],
    [url, 'C0DE', '+15550001111', 'Menu', 'R1', 'broken']
  )
  assert.deepEqual(content.rows, [{ id: 's', title: 'Small', description: null, section: 'Sizes' }])

  const cards = [{ body: { text: 'One' }, nativeFlowMessage: { buttons: [flow('quick_reply', { display_text: 'Yes', id: 'yes' })] } }]
  const carousel = described({ interactiveMessage: { body: { text: 'Choose' }, carouselMessage: { cards } } })
  assert.deepEqual(carousel, { kind: 'text', text: 'Choose\nOne', buttons: [{ ...quick, card: 0 }] })
  const shop = described({ interactiveMessage: { body: { text: 'Shop' }, shopStorefrontMessage: { id: 'shop1' } } })
  assert.deepEqual([shop.text, shop.buttons[0].id], ['Shop', 'shop1'])
})

test('a picture above a business text is that picture, and a place its words', () => {
  const message = { templateMessage: { hydratedTemplate: { ...hydrated, hydratedTitleText: undefined, imageMessage: file } } }
  const content = described(message)
  assert.deepEqual([content.kind, content.caption, content.buttons.length], ['image', 'Your code is 123456\nNever share it', 3])
  assert.equal(placeOf(arrived(message))?.lies.direct_path, '/v/x.enc')
  const place = described({
    buttonsMessage: { contentText: 'Here', locationMessage: { name: 'The gate', degreesLatitude: 1, degreesLongitude: 2 } }
  })
  assert.deepEqual([place.kind, place.text], ['text', 'The gate\nHere'])
})

test('products, orders, payments and what else is words are texts', () => {
  const product = { productId: 'P1', title: 'Lamp', description: 'Bright', currencyCode: 'EUR', priceAmount1000: 12500, url }
  const cases: [object, string][] = [
    [{ productMessage: { product, body: 'Look', footer: 'Thanks' } }, 'Lamp\nBright\n12.50 EUR\nLook\nThanks'],
    [
      {
        orderMessage: {
          orderId: 'O1',
          orderTitle: 'Acme',
          message: 'Please',
          itemCount: 2,
          totalAmount1000: 25000,
          totalCurrencyCode: 'EUR'
        }
      },
      'Acme\nPlease\n2 × 25 EUR'
    ],
    [{ invoiceMessage: { note: 'For May', token: 'T' } }, 'For May'],
    [{ sendPaymentMessage: { noteMessage: { extendedTextMessage: { text: 'Lunch' } } } }, 'Lunch'],
    [{ requestPaymentMessage: { noteMessage: { conversation: 'Rent' }, currencyCodeIso4217: 'INR', amount1000: 5000 } }, '5 INR\nRent'],
    [{ pollResultSnapshotMessage: { name: 'When?', pollVotes: [{ optionName: 'Now', optionVoteCount: 3 }] } }, 'When?\nNow: 3'],
    [{ stickerPackMessage: { name: 'Cats', publisher: 'Ben' } }, 'Cats\nBen'],
    [{ questionResponseMessage: { key: { id: 'Q1' }, text: 'Because' } }, 'Because'],
    [{ botForwardedMessage: { message: { richResponseMessage: { submessages: [{ messageText: 'I think' }] } } } }, 'I think']
  ]
  for (const [message, text] of cases) assert.deepEqual([described(message).kind, described(message).text], ['text', text])
  assert.equal(described(cases[0]![0]).rows[0].id, 'P1')
  assert.equal(described(cases[1]![0]).rows[0].id, 'O1')
  const sections = [{ view_model: { primitive: { text: 'In **short**' } } }]
  const data = Buffer.from(JSON.stringify({ sections })).toString('base64')
  assert.equal(described({ richResponseMessage: { unifiedResponse: { data } } }).text, 'In **short**')
})

test('a chosen button, row or native flow is told with its id and what it answers', () => {
  const contextInfo = { stanzaId: 'ASKED' }
  const cases: [object, object][] = [
    [{ buttonsResponseMessage: { selectedButtonId: 'yes', selectedDisplayText: 'Yes', contextInfo } }, { id: 'yes', text: 'Yes' }],
    [
      { templateButtonReplyMessage: { selectedId: 'yes', selectedDisplayText: 'Yes', selectedIndex: 1, contextInfo } },
      { id: 'yes', text: 'Yes', index: 1 }
    ],
    [
      { listResponseMessage: { title: 'Small', description: 'for one', singleSelectReply: { selectedRowId: 's' }, contextInfo } },
      { id: 's', text: 'Small', description: 'for one' }
    ],
    [
      {
        interactiveResponseMessage: {
          body: { text: 'Sent' },
          nativeFlowResponseMessage: { name: 'flow', paramsJson: '{"id":"f1"}' },
          contextInfo
        }
      },
      { id: 'f1', text: 'Sent', flow: 'flow', data: '{"id":"f1"}' }
    ]
  ]
  for (const [message, selected] of cases) {
    const content = described(message)
    const given = Object.fromEntries(Object.entries(content.selected).filter(([, value]) => value !== null))
    assert.deepEqual([content.kind, given], ['text', selected])
    assert.equal(content.text, (selected as { text: string }).text)
    assert.equal(referencesOf(arrived(message)).quoted_id, 'ASKED')
  }
  assert.equal(described({ buttonsResponseMessage: { selectedButtonId: 'yes' } }).text, 'yes')
})

test('events, albums, invitations and moving places are told as what they are', () => {
  const event = described({ eventMessage: { name: 'Party', startTime: 1_700_000_000, location: { name: 'Here' }, isCanceled: false } })
  assert.deepEqual([event.kind, event.name, Number(event.starts_at), event.place.name], ['event', 'Party', 1_700_000_000, 'Here'])
  const call = described({ scheduledCallCreationMessage: { title: 'Talk', scheduledTimestampMs: 1_700_000_000_000 } })
  assert.deepEqual([call.kind, call.name, call.starts_at], ['event', 'Talk', 1_700_000_000])
  assert.deepEqual(described({ albumMessage: { expectedImageCount: 2, expectedVideoCount: 1 } }), { kind: 'album', images: 2, videos: 1 })
  const invite = described({ groupInviteMessage: { groupJid: '1@g.us', inviteCode: 'C', groupName: 'Us', caption: 'Come' } })
  assert.deepEqual([invite.kind, invite.text, invite.invite.chat, invite.invite.code], ['text', 'Us\nCome', '1@g.us', 'C'])
  const moving = described({ liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2, caption: 'Soon' } })
  assert.deepEqual(moving, { kind: 'location', latitude: 1, longitude: 2, name: null, address: null, live: true, caption: 'Soon' })
  const lottie = described({ lottieStickerMessage: { message: { stickerMessage: { ...file, mimetype: undefined, isLottie: true } } } })
  assert.deepEqual([lottie.kind, lottie.media.mimetype, lottie.animated], ['sticker', 'application/was', true])
})

test('where a message comes from and what it is a part of is told', () => {
  const externalAdReply = { title: 'Sale', body: 'Half', sourceType: 'ad', sourceId: '12', sourceUrl: url, ctwaClid: 'CLICK' }
  for (const text of ['Hello', '']) {
    const message = { extendedTextMessage: { text, contextInfo: { externalAdReply, conversionSource: 'FB_Ads' } } }
    assert.deepEqual(described(message), { kind: 'text', text })
    const { ad } = referencesOf(arrived(message))
    assert.deepEqual([ad?.title, ad?.source_id, ad?.ctwa_clid, ad?.conversion_source], ['Sale', '12', 'CLICK', 'FB_Ads'])
  }
  assert.equal(flagsOf(arrived({ extendedTextMessage: { text: '@all', contextInfo: { nonJidMentions: 1 } } })).mentions_all, true)
  const messageContextInfo = { messageAssociation: { associationType: 1, parentMessageKey: { id: 'ALBUM' }, messageIndex: 2 } }
  const part = { associatedChildMessage: { message: { imageMessage: file, messageContextInfo } } }
  const outside = { associatedChildMessage: { message: { imageMessage: file } }, messageContextInfo }
  for (const message of [part, outside]) {
    assert.deepEqual(referencesOf(arrived(message)).association, { type: 'media_album', message_id: 'ALBUM', index: 2 })
  }
  assert.equal(referencesOf(arrived({ declinePaymentRequestMessage: { key: { id: 'P1' } } })).quoted_id, 'P1')
})

test('what a message offers too much is left out', () => {
  const buttons = Array.from({ length: 5_000 }, () => ({ buttonId: 'x'.repeat(2_000), buttonText: { displayText: 'y'.repeat(2_000) } }))
  const rows = Array.from({ length: 5_000 }, () => ({ rowId: 'x', title: 'y'.repeat(2_000) }))
  const offering: any = boundMessage({ content: described({ buttonsMessage: { contentText: 'Choose', buttons } }) })
  assert.deepEqual([offering.content.buttons.length, offering.content.buttons[0].id.length], [32, 512])
  const listing: any = boundMessage({ content: described({ listMessage: { title: 'Choose', sections: [{ rows }, { rows }] } }) })
  assert.ok(listing.content.rows.length > 90 && listing.content.rows.length <= 128)
  const huge = flow('quick_reply', { display_text: 'x'.repeat(40_000) })
  assert.equal(described({ interactiveMessage: { body: { text: 'hi' }, nativeFlowMessage: { buttons: [huge] } } }).buttons[0].text, '')
})
