/** Waits for a status of a running collector. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PipelineStatus } from '../../src/telemetry/status.ts'

/** Asks until `isSo`; the test's own timeout ends the wait. */
export async function statusWhen(url: string, isSo: (status: PipelineStatus) => boolean): Promise<PipelineStatus> {
  for (;;) {
    const status = (await (await fetch(`${url}/api/v1/status`)).json()) as PipelineStatus
    if (isSo(status)) return status
    await sleep(50)
  }
}
