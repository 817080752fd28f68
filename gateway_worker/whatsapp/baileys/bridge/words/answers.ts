/** What somebody chose of what a message offered. */
import { proto } from 'baileys'

import { firstText, jsonReader } from './offers.ts'

/**
 * `id`: of the button or the row. `index` and `card`: which it is, from 0, where the phone says it. `flow` and `data`: the native
 * flow that was gone through, and what it gave, as JSON.
 */
export interface Selected {
  id: string | null
  text: string | null
  description: string | null
  index: number | null
  card: number | null
  flow: string | null
  data: string | null
}

const NOTHING: Selected = { id: null, text: null, description: null, index: null, card: null, flow: null, data: null }

/** What a message chooses; null when it is no such message, or says nothing. */
export function selectedOf(message: proto.IMessage): Selected | null {
  const selected = selectionOf(message)
  return selected !== null && Object.values(selected).some((value) => value !== null && value !== '') ? selected : null
}

function selectionOf(message: proto.IMessage): Selected | null {
  const { buttonsResponseMessage: ofButtons, templateButtonReplyMessage: ofTemplate } = message
  const { listResponseMessage: ofList, interactiveResponseMessage: ofFlow } = message
  if (ofButtons != null) return { ...NOTHING, id: ofButtons.selectedButtonId ?? null, text: ofButtons.selectedDisplayText ?? null }
  if (ofTemplate != null) {
    const { selectedId: id = null, selectedDisplayText: text = null, selectedIndex: index = null } = ofTemplate
    return { ...NOTHING, id, text, index, card: ofTemplate.selectedCarouselCardIndex ?? null }
  }
  if (ofList != null) {
    const { title: text = null, description = null, singleSelectReply } = ofList
    return { ...NOTHING, id: singleSelectReply?.selectedRowId ?? null, text, description }
  }
  return ofFlow == null ? null : flowSelection(ofFlow)
}

function flowSelection({ body, nativeFlowResponseMessage: flow }: proto.Message.IInteractiveResponseMessage): Selected {
  const json = jsonReader()(flow?.paramsJson)
  return { ...NOTHING, id: firstText(json['id']), text: body?.text ?? null, flow: flow?.name ?? null, data: flow?.paramsJson ?? null }
}
