/** The messages that businesses send, as a phone shows them. */
import { proto } from 'baileys'

import {
  type Button,
  button,
  firstText,
  flowOffer,
  jsonReader,
  type Line,
  moneyOf,
  type Offer,
  offer,
  type ReadJson,
  row,
  textOf,
  together
} from './offers.ts'
import { MAX_BUTTONS, MAX_ROWS } from './limits.ts'

type Hsm = proto.Message.IHighlyStructuredMessage
type Interactive = proto.Message.IInteractiveMessage

/** What stands above a text in place of a title. */
export type Header = Pick<proto.IMessage, 'imageMessage' | 'videoMessage' | 'documentMessage' | 'locationMessage'>

/** What a message shows, and the file or the place above it. */
export type Shown = Offer & { header: Header | null }

const THOUSANDTHS = 1_000
/** Of a carousel; WhatsApp shows ten. */
const MAX_CARDS_SHOWN = 32

/** What a message of a business shows; null when it is none, or shows nothing. */
export function businessOf(message: proto.IMessage): Shown | null {
  const shown = shownOf(message)
  return shown !== null && isAnything(shown) ? shown : null
}

/** The file or the place above the text of such a message. */
export function headerOf(message: proto.IMessage): Header | null {
  return businessOf(message)?.header ?? null
}

function shownOf(message: proto.IMessage): Shown | null {
  const { templateMessage, highlyStructuredMessage, interactiveMessage, buttonsMessage, listMessage, productMessage, orderMessage } =
    message
  if (templateMessage != null) return ofTemplate(templateMessage)
  if (highlyStructuredMessage != null) return ofHsm(highlyStructuredMessage)
  if (interactiveMessage != null) return ofInteractive(interactiveMessage, jsonReader())
  if (buttonsMessage != null) return ofButtons(buttonsMessage)
  if (listMessage != null) return under(null, ofList(listMessage))
  if (productMessage != null) return under(null, ofProduct(productMessage))
  return orderMessage == null ? null : under(null, ofOrder(orderMessage))
}

function isAnything({ lines, buttons, rows, header }: Shown): boolean {
  return textOf(lines) !== '' || buttons.length + rows.length > 0 || header !== null
}

function under(header: Header | null, shown: Offer): Shown {
  const place = header?.locationMessage
  return { ...shown, lines: [place?.name, place?.address, ...shown.lines], header }
}

function headerIn(part: Header | null | undefined): Header | null {
  const { imageMessage, videoMessage, documentMessage, locationMessage } = part ?? {}
  if (imageMessage != null) return { imageMessage }
  if (videoMessage != null) return { videoMessage }
  if (documentMessage != null) return { documentMessage }
  return locationMessage == null ? null : { locationMessage }
}

/** The same words stand in it several times, for older and newer phones: the first that says anything. */
function ofTemplate(template: proto.Message.ITemplateMessage): Shown {
  const { hydratedTemplate, hydratedFourRowTemplate, interactiveMessageTemplate, fourRowTemplate } = template
  const ways = [
    hydratedTemplate && ofHydrated(hydratedTemplate),
    hydratedFourRowTemplate && ofHydrated(hydratedFourRowTemplate),
    interactiveMessageTemplate && ofInteractive(interactiveMessageTemplate, jsonReader()),
    fourRowTemplate && ofFourRows(fourRowTemplate)
  ]
  return ways.find((way) => way && isAnything(way)) || under(null, offer())
}

function ofHydrated(template: proto.Message.TemplateMessage.IHydratedFourRowTemplate): Shown {
  const { hydratedTitleText, hydratedContentText, hydratedFooterText, hydratedButtons } = template
  const buttons = (hydratedButtons ?? [])
    .slice(0, MAX_BUTTONS)
    .map(({ quickReplyButton: reply, urlButton: link, callButton: call, index }) => {
      if (link != null) return button('url', link.displayText, { url: link.url ?? null })
      if (call != null) return button('call', call.displayText, { phone: call.phoneNumber ?? null })
      return button('quick_reply', reply?.displayText, { id: reply?.id ?? firstText(index) })
    })
  return under(headerIn(template), offer([hydratedTitleText, hydratedContentText, hydratedFooterText], buttons))
}

function ofFourRows(template: proto.Message.TemplateMessage.IFourRowTemplate): Shown {
  const { highlyStructuredMessage: title, content, footer } = template
  const buttons = (template.buttons ?? []).slice(0, MAX_BUTTONS).map(({ quickReplyButton: reply, urlButton: link, callButton: call }) => {
    if (link != null) return button('url', wordsOf(link.displayText), { url: wordsOf(link.url) || null })
    if (call != null) return button('call', wordsOf(call.displayText), { phone: wordsOf(call.phoneNumber) || null })
    return button('quick_reply', wordsOf(reply?.displayText), { id: reply?.id ?? null })
  })
  return under(headerIn(template), offer([wordsOf(title), wordsOf(content), wordsOf(footer)], buttons))
}

/** Its words are in the phone, under its name: what is put into them is all that it says. */
function wordsOf(hsm: Hsm | null | undefined): string {
  const defaults = (hsm?.localizableParams ?? []).slice(0, MAX_ROWS).map((each) => each.default)
  const said = hsm?.params?.length ? hsm.params.slice(0, MAX_ROWS) : defaults
  return textOf([hsm?.elementName, ...said])
}

function ofHsm(hsm: Hsm): Shown {
  const hydrated = hsm.hydratedHsm == null ? null : ofTemplate(hsm.hydratedHsm)
  return hydrated !== null && isAnything(hydrated) ? hydrated : under(null, offer([wordsOf(hsm)]))
}

function ofButtons({ text, contentText, footerText, buttons, ...media }: proto.Message.IButtonsMessage): Shown {
  const json = jsonReader()
  const offers = (buttons ?? []).slice(0, MAX_BUTTONS).map(({ buttonId, buttonText, nativeFlowInfo: flow }) => {
    if (flow != null) return flowOffer(flow.name, { display_text: buttonText?.displayText, id: buttonId, ...json(flow.paramsJson) })
    return offer([], [button('quick_reply', buttonText?.displayText, { id: buttonId ?? null })])
  })
  return under(headerIn(media), together(offer([text, contentText, footerText]), ...offers))
}

function ofInteractive(message: Interactive, json: ReadJson): Shown {
  const { header, body, footer, shopStorefrontMessage: shop, collectionMessage: collection, carouselMessage: carousel } = message
  const product = header?.productMessage == null ? offer() : ofProduct(header.productMessage)
  const flows = (message.nativeFlowMessage?.buttons ?? [])
    .slice(0, MAX_BUTTONS)
    .map(({ name, buttonParamsJson }) => flowOffer(name, json(buttonParamsJson)))
  const cards = (carousel?.cards ?? []).slice(0, MAX_CARDS_SHOWN).map((card, index) => ofCard(card, index, json))
  const links: Button[] = []
  if (shop != null) links.push(button('shop', null, { id: shop.id ?? null }))
  if (collection != null) links.push(button('collection', null, { id: collection.id ?? null }))
  const [flowLines, rest] = [flows.flatMap(({ lines }) => lines), flows.map((flow) => ({ ...flow, lines: [] }))]
  const own = offer([header?.title, header?.subtitle, body?.text, ...flowLines, footer?.text], links)
  return under(headerIn(header), together(product, own, ...rest, ...cards))
}

/** Cards have no cards. */
function ofCard({ carouselMessage: _, ...card }: Interactive, index: number, json: ReadJson): Offer {
  const shown = ofInteractive(card, json)
  return { ...shown, buttons: shown.buttons.map((each) => ({ ...each, card: index })) }
}

function ofList(list: proto.Message.IListMessage): Offer {
  const { title, description, footerText, buttonText, sections, productListInfo } = list
  const rows = (sections ?? [])
    .slice(0, MAX_ROWS)
    .flatMap((section) =>
      (section.rows ?? []).slice(0, MAX_ROWS).map((each) => row(each.rowId, each.title, each.description, section.title))
    )
  const products = (productListInfo?.productSections ?? [])
    .slice(0, MAX_ROWS)
    .flatMap((section) => (section.products ?? []).slice(0, MAX_ROWS).map(({ productId }) => row(productId, null, null, section.title)))
  return together(offer([title, description, footerText], buttonText ? [button('list', buttonText)] : [], [...rows, ...products]))
}

function ofProduct({ product, catalog, body, footer }: proto.Message.IProductMessage): Offer {
  const price = priceOf(product?.salePriceAmount1000 ?? product?.priceAmount1000, product?.currencyCode)
  const lines: Line[] = [product?.title, product?.description, price, catalog?.title, catalog?.description, body, footer]
  const buttons = product?.url ? [button('url', null, { url: product.url })] : []
  return offer(lines, buttons, product?.productId ? [row(product.productId, product.title, price)] : [])
}

function ofOrder(order: proto.Message.IOrderMessage): Offer {
  const { orderId, orderTitle, message, itemCount, totalAmount1000, totalCurrencyCode } = order
  const total = priceOf(totalAmount1000, totalCurrencyCode)
  const sum = [itemCount ? `${itemCount} ×` : null, total].filter(Boolean).join(' ')
  return offer([orderTitle, message, sum], [], orderId ? [row(orderId, orderTitle, sum)] : [])
}

function priceOf(amount1000: unknown, currency: Line): string | null {
  return Number(amount1000 ?? 0) === 0 ? null : moneyOf(amount1000, THOUSANDTHS, currency)
}
