/** Preloaded into a collector under test: carries out the plan of this life (FAULT_PLAN). What it did is in the log. */
import dns from 'node:dns'
import { writeSync } from 'node:fs'
import { isIP } from 'node:net'
import { nodeIo } from '../../src/spool/io.ts'
import { FaultyIo, type Operation } from '../spool/faulty-io.ts'
import { Chance } from './chance.ts'
import type { Plan } from './plan.ts'
import { STEPS } from './steps.ts'

const plan = JSON.parse(process.env.FAULT_PLAN ?? '{"seed":0}') as Plan
const chance = new Chance(plan.seed)
const isWithin = (span: { fromMs: number; toMs: number } | undefined): boolean =>
  span !== undefined && performance.now() >= span.fromMs && performance.now() < span.toMs
const tell = (facts: object): void => void writeSync(1, `${JSON.stringify({ level: 'info', msg: 'fault', ...facts })}\n`)

function killAt(when: 'before' | 'after'): (operation: Operation, path: string, bytes: Buffer) => void {
  let seen = 0
  return (operation, path, bytes) => {
    const { kill } = plan
    if (kill?.when !== when || !STEPS[kill.step]({ operation, path, bytes }) || ++seen < kill.nth) return
    tell({ killed: `${when} ${kill.step}` })
    process.kill(process.pid, 'SIGKILL')
  }
}

const disk = new FaultyIo({ ...nodeIo })
const killBefore = killAt('before')
disk.succeeded = killAt('after')
disk.delayMs = () => (plan.slowMs === undefined ? 0 : chance.between(0, plan.slowMs))
disk.fault = (operation, path, bytes) => {
  killBefore(operation, path, bytes)
  if (!isWithin(plan.disk) || !chance.happens(plan.disk!.share)) return undefined
  const fault = chance.pick(plan.disk!.faults)
  return operation === 'write' || fault === 'EIO' || fault === 'ENOSPC' ? fault : undefined
}
nodeIo.open = (path, mode) => disk.open(path, mode)
nodeIo.readFile = path => disk.readFile(path)
nodeIo.rename = (from, to) => disk.rename(from, to)
nodeIo.remove = path => disk.remove(path)
nodeIo.syncDirectory = path => disk.syncDirectory(path)
nodeIo.freeBytes = path => disk.freeBytes(path)

const { lookup } = dns
dns.lookup = ((name: string, options: object, answer: (error: Error | null) => void) => {
  if (!isWithin(plan.dns) || isIP(name) !== 0) return lookup(name, options as never, answer as never)
  setTimeout(() => answer(Object.assign(new Error(`getaddrinfo EAI_AGAIN ${name}`), { code: 'EAI_AGAIN', syscall: 'getaddrinfo' })), 20)
}) as typeof dns.lookup

if (plan.jump !== undefined) {
  const { atMs, byMs } = plan.jump
  const now = Date.now
  Date.now = () => now() + (performance.now() >= atMs ? byMs : 0)
}
