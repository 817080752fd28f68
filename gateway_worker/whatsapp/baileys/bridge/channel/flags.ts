/** Marks of messages, written from `schemas/content/flags.py` by `python -m deploy.tools.bridge_types`. */

/** Of a message that is sent. */
export interface SendFlags {
  view_once: boolean
}

/** Of a message that arrived. */
export interface Flags {
  mentions_all: boolean
  forwarded: boolean
  view_once: boolean
}

export const FLAGS = ['mentions_all', 'forwarded', 'view_once'] as const satisfies readonly (keyof Flags)[]
