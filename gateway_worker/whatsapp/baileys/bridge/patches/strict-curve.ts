/** Baileys' own check of signatures, as strict as libsignal's. */
import { Curve } from 'baileys'

import { isSigned } from './strict-signatures.ts'

Curve.verify = isSigned
