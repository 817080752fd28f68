/**
 * What a stream leaves behind is freed while it flows. V8 counts buffers, but collects only when 64 MB of them have
 * gathered: without this a file on its way would cost as much memory as it is large.
 */
import { getHeapStatistics } from 'node:v8'

const SWEEP_BYTES = 4 * 1024 * 1024
const LOOK_MS = 5

let flowing = 0
let looking: NodeJS.Timeout | undefined
let swept = 0

function look(): void {
  const held = getHeapStatistics().external_memory
  if (held - swept < SWEEP_BYTES) {
    swept = Math.min(swept, held)
    return
  }
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
  swept = getHeapStatistics().external_memory
}

/** Collects young garbage as it gathers, for as long as `work` takes. */
export async function sweeping<T>(work: () => Promise<T>): Promise<T> {
  if (flowing++ === 0) {
    swept = getHeapStatistics().external_memory
    looking = setInterval(look, LOOK_MS)
  }
  try {
    return await work()
  } finally {
    if (--flowing === 0) clearInterval(looking)
  }
}
