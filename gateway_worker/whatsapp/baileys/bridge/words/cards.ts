/** Contact cards as they are told: a card may hold a photo of half a megabyte, behind which its numbers would be cut off. */

/** Characters of all cards of one message that are looked at. */
const MAX_READ = 524_288
/** A picture or a sound, folded in one of the ways: its next lines begin with a blank, or are nothing but base64. */
const PICTURE =
  /^(?:[\w-]{1,64}\.)?(?:PHOTO|LOGO|SOUND|KEY|X-IMAGE|X-MS-CARDPICTURE)[;:][^\n]*(?:\n[ \t][^\n]*|\n[A-Za-z0-9+/=]+[ \t\r]*(?=\n))*\n?/gim

/** The cards without their pictures, in order. Pure. */
export function withoutPictures(cards: string[]): string[] {
  let left = MAX_READ
  return cards.map((card) => {
    const read = card.slice(0, left)
    left -= read.length
    const lines = read.includes('\n') ? read : read.replaceAll('\r', '\n') // some old programs end lines so
    return lines.replace(PICTURE, '')
  })
}
