/** JIDs as the port speaks them: without a device number, the phone number's where it is known. */
import { areJidsSameUser, type Contact, isLidUser, isPnUser, jidDecode, jidNormalizedUser } from 'baileys'

/** Knows which LID belongs to which number. */
export interface Mapping {
  getPNForLID: (lid: string) => Promise<string | null>
  getLIDForPN: (pn: string) => Promise<string | null>
}

export interface Person {
  pn: string | undefined
  lid: string | undefined
}

/** Both addresses of a user, from what a stanza says and what was learnt before. Asks nobody. */
export async function personOf(jid: string, alternative: string | undefined, mapping: Mapping): Promise<Person> {
  const known = [jid, alternative ?? ''].map((candidate) => jidNormalizedUser(candidate))
  const pn = known.find((candidate) => isPnUser(candidate) === true)
  const lid = known.find((candidate) => isLidUser(candidate) === true)
  if (pn !== undefined || lid === undefined) return { pn, lid }
  const mapped = await mapping.getPNForLID(lid)
  return { pn: mapped === null ? undefined : jidNormalizedUser(mapped), lid }
}

/** E.164 with `+` of a PN JID. */
export function phoneOf(pn: string | undefined): string | null {
  const user = pn === undefined ? undefined : jidDecode(pn)?.user
  return user === undefined ? null : `+${user}`
}

/** Whether a JID, in either addressing, is the account's own. */
export function isOwn(jid: string | undefined, me: Contact | undefined): boolean {
  return [me?.id, me?.lid].some((own) => areJidsSameUser(jid, own))
}
