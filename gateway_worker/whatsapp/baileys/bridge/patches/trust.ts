/** Whom a bridge trusts besides those that WhatsApp Web does: the simulator has a root of its own. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

import { WA_CERT_DETAILS } from 'baileys'

/** Trusts another root than WhatsApp's for Noise certificates. */
export function trust(rootKey: string | null): void {
  if (rootKey !== null) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
}

const USUAL_AUTHORITIES = getCACertificates('default')

/** Trusts another media host too. */
export function trustMedia(certificate: string | null): void {
  if (certificate !== null) setDefaultCACertificates([...USUAL_AUTHORITIES, certificate])
}
