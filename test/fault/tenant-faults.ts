/** How a hostile tenant answers, drawn by chance. */
import type { Fault, TenantCall } from '../../src/tenant/faults.ts'
import type { Chance } from './chance.ts'

export interface OrderedFault {
  name: string
  call: TenantCall
  fault: Fault
  /** By this the service refuses a file for good: its segment may be set aside. */
  refuses?: boolean
}

const API = ['upload_url', 'done_upload'] as const
const CALLS = ['upload_url', 'put', 'done_upload'] as const
const PAGE = '<html>Please log in to the network</html>'

type Draw = (chance: Chance) => OrderedFault

const status =
  (codes: readonly number[], calls: readonly TenantCall[], refuses = false): Draw =>
  chance => {
    const code = chance.pick(codes)
    const call = chance.pick(calls)
    return { name: `${call} ${code}`, call, fault: { status: code, body: '{"detail":"made up"}' }, refuses }
  }

const DRAWS: readonly Draw[] = [
  status([500, 501, 502, 503, 504], CALLS),
  status([500, 501, 502, 503, 504], CALLS),
  status([401, 403], API),
  status([404], API),
  status([401, 403, 404, 409, 412], ['put']), // an expired or foreign SAS, a blob that is there
  status([413], CALLS, true),
  status([400], CALLS, true),
  chance => {
    const after = chance.pick([undefined, '1', '90', new Date(Date.now() + 2000).toUTCString()])
    const call = chance.pick(CALLS)
    return { name: `${call} 429 ${after ?? ''}`, call, fault: { status: 429, ...(after ? { headers: { 'retry-after': after } } : {}) } }
  },
  chance => {
    const call = chance.pick(CALLS)
    return { name: `${call} hangs`, call, fault: { hang: true } }
  },
  chance => {
    const call = chance.pick(CALLS)
    return { name: `${call} is cut`, call, fault: { close: true } }
  },
  chance => {
    const call = chance.pick(CALLS)
    return { name: `${call} is slow`, call, fault: { delayMs: chance.between(50, 400) } }
  },
  chance => {
    const call = chance.pick(CALLS)
    return { name: `${call} works, answer is cut`, call, fault: { worked: true, close: true } }
  },
  chance => {
    const call = chance.pick(CALLS)
    return { name: `${call} works, no answer`, call, fault: { worked: true, hang: true } }
  },
  chance => {
    const [call, code] = [chance.pick(CALLS), chance.pick([500, 502, 504])]
    return { name: `${call} works, answer ${code}`, call, fault: { worked: true, status: code, body: '' } }
  },
  chance => {
    const call = chance.pick(API)
    return { name: `${call} is no JSON`, call, fault: { status: 200, body: chance.pick([PAGE, '{"url":', '[]', '"yes"']) } }
  },
  () => ({ name: 'finalise works, answer is no JSON', call: 'done_upload', fault: { worked: true, status: 200, body: PAGE } })
]

export const drawFault = (chance: Chance): OrderedFault => chance.pick(DRAWS)(chance)
