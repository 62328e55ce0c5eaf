/** `collector_status -p`, as in Microsoft's image: is the collector running properly? */
import { parseArgs } from 'node:util'
import type { PipelineStatus } from '../telemetry/status.ts'
import { adminTarget, askAdmin, NoAnswer } from './admin-client.ts'
import { EXIT, type Verb } from './verb.ts'

export const collectorStatus: Verb = async (args, io) => {
  const { values } = parseArgs({
    args,
    options: { print: { type: 'boolean', short: 'p' }, config: { type: 'string', short: 'c' }, url: { type: 'string' } }
  })
  try {
    const { status, body } = await askAdmin(await adminTarget(values, io), '/api/v1/status')
    if (status !== 200) throw new NoAnswer(`the collector answered ${status}`)
    const { state, reasons, sources, tenant } = body as PipelineStatus
    io.stdout.write(`Collector: running, ${state}\nTenant: ${tenant.url}\n`)
    for (const { name, frames, records } of sources)
      io.stdout.write(`Data source ${name}: received ${frames.received}, uploaded ${records.uploaded}\n`)
    for (const reason of reasons) io.stdout.write(`Problem: ${reason}\n`)
    return state === 'healthy' ? EXIT.OK : EXIT.FAILED
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    io.stdout.write(`Collector: not running properly: ${error.message}\n`)
    return EXIT.FAILED
  }
}
