/**
 * One run by a seed: senders that know what was receipted, a hostile tenant in this process that knows what arrived, and a collector
 * that is killed again and again and whose spool is damaged meanwhile. At the end, without faults, both are compared.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { SpoolReader } from '../../src/spool/reader.ts'
import type { PipelineStatus } from '../../src/telemetry/status.ts'
import { Faults } from '../../src/tenant/faults.ts'
import { startTenant, type Tenant } from '../../src/tenant/tenant.ts'
import { Chance } from './chance.ts'
import { ChildCollector, type CollectorSetup, type LogLine, PROTOCOLS, type Protocol } from './child-collector.ts'
import { DAMAGES, type Damage, damage } from './damage.ts'
import { FtpSender } from './ftp-sender.ts'
import { drawPlan, nameOf, type Plan } from './plan.ts'
import { HttpSender, RelpSender, type Sender, TcpSender } from './senders.ts'
import { drawFault } from './tenant-faults.ts'

const UNTIL_MS = 150_000
const START_MS = 120_000
const POLL_MS = 100
/** The same quiet state so often in a row counts as the end. */
const QUIET_POLLS = 3
const SAS_LIFETIME_MS = 3600_000

export interface ProtocolReport {
  sent: number
  receipted: number
  arrived: number
  /** Plain TCP: sent to a collector that was killed afterwards. Others: never receipted and never arrived. */
  lostWithoutReceipt: number
  setAside: number
  destroyed: number
  /** More arrivals than one, where the sender had sent more than once since it saw no receipt. */
  duplicatesOfResends: number
}

export interface RunReport {
  seed: number
  kills: number
  /** What befell each life from within, and the steps at which one was killed. */
  plans: string[]
  killedAt: string[]
  faults: string[]
  damages: string[]
  files: number
  /** Files whose finalise call was heard more than once: the service may count them twice. */
  finalisedAgain: number
  /** Largest file that the tenant takes, segments that were halves of larger ones, and single blocks above it. */
  fileMaxBytes: number | undefined
  halves: number
  tooLarge: number
  protocols: Record<string, ProtocolReport>
  /** What must not be. */
  problems: string[]
}

/**
 * Never rejects: whatever goes wrong is among the report's problems, also that the run did not end in `maxMs`. A run with problems
 * keeps its directory, with spool, tenant, the collectors' logs and `report.json`, and says on stderr where.
 */
export async function runSeed(seed: number, maxMs: number): Promise<RunReport> {
  const run = new OracleRun(seed)
  try {
    await Promise.race([run.walk(), tooLong(maxMs)])
  } catch (error) {
    run.report.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  await run.close()
  return run.report
}

async function tooLong(maxMs: number): Promise<never> {
  await sleep(maxMs, undefined, { ref: false })
  throw new Error(`The run did not end in ${maxMs} ms`)
}

class OracleRun {
  readonly report: RunReport
  readonly #chance: Chance
  readonly #dir = mkdtempSync(join(tmpdir(), 'sluice-fault-'))
  readonly #faults = new Faults()
  readonly #damages: Damage[] = []
  readonly #log: LogLine[] = []
  readonly #senders: Sender[]
  #tenant!: Tenant
  #setup!: CollectorSetup
  #child: ChildCollector | undefined
  #life = 0
  #skewMs = 0
  /** How many files may have been refused for good. */
  #refusals = 0
  /** The tenant refuses larger files with 413; undefined: none. */
  #fileMaxBytes: number | undefined

  constructor(seed: number) {
    this.#chance = new Chance(seed)
    this.report = {
      seed,
      kills: 0,
      plans: [],
      killedAt: [],
      faults: [],
      damages: [],
      files: 0,
      finalisedAgain: 0,
      fileMaxBytes: undefined,
      halves: 0,
      tooLarge: 0,
      protocols: {},
      problems: []
    }
    const target = (protocol: Protocol) => () => {
      const port = this.#child?.isRunning ? this.#child.port(protocol) : undefined
      return port === undefined ? undefined : { port, life: this.#life }
    }
    const batch = (): number => this.#chance.between(2, 30)
    this.#senders = [
      new TcpSender(target('tcp'), batch()),
      new RelpSender(target('relp'), batch()),
      new HttpSender(target('http'), batch()),
      new FtpSender(target('ftp'), batch())
    ]
  }

  async walk(): Promise<void> {
    await this.#open()
    await this.#storm()
    await this.#calm()
  }

  async #open(): Promise<void> {
    const now = (): number => Date.now() + this.#skewMs
    this.#fileMaxBytes = this.#chance.pick([undefined, undefined, 3000, 12_000])
    this.#tenant = await startTenant({
      dir: join(this.#dir, 'tenant'),
      faults: this.#faults,
      sasLifetimeMs: SAS_LIFETIME_MS,
      now,
      ...(this.#fileMaxBytes === undefined ? {} : { limits: { fileMaxBytes: this.#fileMaxBytes } })
    })
    this.#setup = {
      dir: this.#dir,
      tenantUrl: this.#tenant.url.replace('127.0.0.1', 'localhost'), // a name, for DNS to fail
      lanes: this.#chance.pick([1, 1, 1, 2]),
      segmentMaxBytes: this.#chance.pick([4096, 16_384, 65_536]),
      flushIntervalMs: this.#chance.pick([300, 600, 1500])
    }
  }

  /** Lives that end by kill -9, with a tenant that misbehaves and damage between them. */
  async #storm(): Promise<void> {
    for (const sender of this.#senders) sender.start()
    for (let left = this.#chance.between(2, 3); left > 0; left--) {
      this.#order()
      const plan = drawPlan(this.#chance)
      this.report.plans.push(nameOf(plan))
      await this.#startCollector(plan)
      await this.#live(this.#chance.between(100, 1500))
      this.#order()
      await this.#live(this.#chance.between(0, 300))
      await this.#kill()
      if (this.#chance.happens(0.3)) await this.#killInStart()
      if (this.#chance.happens(0.7)) await this.#damage()
    }
  }

  /** No more faults: all must come to an end. */
  async #calm(): Promise<void> {
    this.#faults.clear()
    await this.#startCollector()
    await sleep(300)
    await this.#allSend()
    for (const sender of this.#senders) await this.#soon(`the ${sender.protocol} sender has all receipts`, sender.stop())
    await this.#quiet()
    const before = await this.#arrivals()
    await this.#judge(before)
    await this.#fresh()
    const [code] = await this.#child!.stop()
    if (code !== 0) this.#problem(`the collector ended with ${String(code)}`)
  }

  /** Waits until every sender has sent to this collector: on a busy machine all that plain TCP sent so far may have died with others. */
  async #allSend(): Promise<void> {
    const hasSent = ({ memory }: Sender): boolean => memory.lives.includes(this.#life)
    for (const endMs = Date.now() + UNTIL_MS; Date.now() < endMs && !this.#senders.every(hasSent); ) await sleep(POLL_MS)
  }

  async close(): Promise<void> {
    await this.#child?.kill()
    await this.#tenant?.close()
    const { seed, problems } = this.report
    if (problems.length === 0) return rmSync(this.#dir, { recursive: true, force: true })
    const memories = Object.fromEntries(this.#senders.map(({ protocol, memory }) => [protocol, memory]))
    const evidence = { ...this.report, lives: this.#life, setup: this.#setup, damaged: this.#damages, memories }
    writeFileSync(join(this.#dir, 'report.json'), JSON.stringify(evidence))
    // Beside the test's own words, as a reporter may keep those to itself.
    process.stderr.write(`seed ${seed} failed, see ${this.#dir}:\n${problems.map(text => `  ${text}\n`).join('')}`)
  }

  #problem(text: string): void {
    this.report.problems.push(text)
  }

  #order(): void {
    for (let left = this.#chance.between(1, 4); left > 0; left--) {
      if (this.#chance.happens(0.1)) {
        this.#skewMs += 2 * SAS_LIFETIME_MS
        this.report.faults.push('upload URLs expire')
        continue
      }
      const { name, call, fault, refuses } = drawFault(this.#chance)
      this.#faults.push(call, fault)
      this.report.faults.push(name)
      if (refuses) this.#refusals++
    }
  }

  /** One whose plan has faults may die by itself, also before it runs. */
  async #startCollector(plan?: Plan): Promise<void> {
    this.#life++
    this.#child = new ChildCollector(this.#setup, plan)
    await Promise.race([this.#child.ready, sleep(START_MS, undefined, { ref: false })])
    if (this.#child.isRunning || plan?.kill !== undefined || plan?.disk !== undefined) return
    throw new Error(`The collector did not start: ${JSON.stringify(this.#child.log)}`)
  }

  /** Waits, for no longer than the collector lives. */
  async #live(ms: number): Promise<void> {
    await Promise.race([sleep(ms), this.#child!.exited])
  }

  async #kill(): Promise<void> {
    this.report.kills++
    await this.#child!.kill()
    this.#remember(this.#child!)
    this.#child = undefined
  }

  async #killInStart(): Promise<void> {
    const child = new ChildCollector(this.#setup)
    await Promise.race([sleep(this.#chance.between(200, 1500)), child.ready])
    this.report.kills++
    await child.kill()
    this.#remember(child)
  }

  #remember({ log }: ChildCollector): void {
    for (const entry of log) {
      this.#log.push(entry)
      if (entry.msg === 'fault') this.report.killedAt.push(String(entry.killed))
    }
  }

  async #damage(): Promise<void> {
    const damaged = new Set(this.#damages.map(({ segment }) => segment))
    const done = await damage(join(this.#dir, 'spool'), this.#chance.pick(DAMAGES), this.#chance, damaged)
    if (done === undefined) return
    this.#damages.push(done)
    this.report.damages.push(`${done.kind} ${done.segment} of ${done.source}, ${done.destroyed.length} lines`)
  }

  async #soon<T>(what: string, promise: Promise<T>): Promise<T> {
    const late = sleep(UNTIL_MS, undefined, { ref: false }).then(async () => {
      throw new Error(`Waited in vain until ${what}: ${JSON.stringify(await this.#child!.status())}`)
    })
    return Promise.race([promise, late])
  }

  /** Waits until nothing is on its way any more. */
  async #quiet(): Promise<void> {
    const endMs = Date.now() + UNTIL_MS
    let quiet = 0
    let status: PipelineStatus
    do {
      await sleep(POLL_MS)
      status = await this.#child!.status()
      quiet = isQuiet(status) ? quiet + 1 : 0
    } while (quiet < QUIET_POLLS && Date.now() < endMs)
    const { balance, spool, upload } = status
    if (quiet < QUIET_POLLS)
      this.#problem(`it never came to rest: ${JSON.stringify({ balance, spool: spool.segments, pauses: upload.pauses })}`)
    if (!balance.balanced) this.#problem(`the balance does not hold: ${JSON.stringify(balance)}`)
    const inFolder = (await new SpoolReader(join(this.#dir, 'spool')).ids('set-aside')).length
    if (spool.segments['set-aside'] !== inFolder)
      this.#problem(`${inFolder} segments are set aside, status says ${spool.segments['set-aside']}`)
  }

  /** How often each line of each protocol arrived. */
  async #arrivals(): Promise<Map<Protocol, Map<number, number>>> {
    await this.#tenant.settled()
    const arrivals = new Map(PROTOCOLS.map(protocol => [protocol, new Map<number, number>()]))
    for (const upload of this.#tenant.uploads()) {
      const counts = arrivals.get(upload.stream as Protocol)!
      for (const number of this.#numbersIn(this.#tenant.path(upload))) counts.set(number, (counts.get(number) ?? 0) + 1)
    }
    return arrivals
  }

  #numbersIn(path: string): number[] {
    try {
      return numbersOf(gunzipSync(readFileSync(path)))
    } catch (error) {
      this.#problem(`a file arrived that cannot be read: ${String(error)}`)
      return []
    }
  }

  async #judge(arrivals: Map<Protocol, Map<number, number>>): Promise<void> {
    const uploads = this.#tenant.uploads()
    this.report.files = uploads.length
    this.report.fileMaxBytes = this.#fileMaxBytes
    this.report.halves = uploads.filter(({ file }) => /[ab]\.log\.gz$/.test(file)).length
    this.report.finalisedAgain = uploads.filter(upload => upload.finalised > 1).length
    for (const { file, verdict } of uploads) if (!verdict?.accepted) this.#problem(`${file} was not accepted: ${JSON.stringify(verdict)}`)
    await this.#checkRepeats()
    const setAside = await this.#setAside()
    for (const sender of this.#senders) this.#compare(sender, arrivals.get(sender.protocol)!, setAside)
    const named = new Set(this.#log.map(entry => entry.segment))
    for (const entry of this.#child!.log) named.add(entry.segment)
    for (const { kind, segment, mustBeNamed } of this.#damages) {
      if (mustBeNamed && !named.has(segment)) this.#problem(`segment ${segment} (${kind}) is damaged, and the log does not say so`)
    }
  }

  /** A file whose finalise was heard more than once may count twice; the ledger of its segment must know of it. */
  async #checkRepeats(): Promise<void> {
    const reader = new SpoolReader(join(this.#dir, 'spool'))
    for (const { file, finalised } of this.#tenant.uploads()) {
      if (finalised < 2) continue
      const segment = await reader.segment(segmentOf(file))
      if (segment === undefined || segment.ambiguousFinalises < finalised - 1)
        this.#problem(`${file} was finalised ${finalised} times, its ledger knows ${segment?.ambiguousFinalises} without an answer`)
    }
  }

  /** Numbers of the lines that lie in set-aside segments, by source; each of them must have a reason that the run gave. */
  async #setAside(): Promise<Map<string, Set<number>>> {
    const reader = new SpoolReader(join(this.#dir, 'spool'))
    const lines = new Map<string, Set<number>>(PROTOCOLS.map(protocol => [protocol, new Set()]))
    let refused = 0
    for await (const { id, source, reason, bytes } of reader.list(['set-aside'])) {
      const damaged = this.#damages.find(({ segment }) => id === segment || id.startsWith(`${segment}r`))
      const isTooLarge = bytes > (this.#fileMaxBytes ?? Number.POSITIVE_INFINITY) && /answer was 413.*single block/.test(reason ?? '')
      if (isTooLarge) this.report.tooLarge++
      // After a last call without an answer a refusal leaves open whether the service has the file: a person decides.
      else if (damaged === undefined && !/an earlier finalise call got no answer/.test(reason ?? '')) refused++
      if (!damaged && !reason) this.#problem(`segment ${id} is set aside without a reason`)
      const known = lines.get(source === '' ? (damaged?.source ?? '') : source)
      if (known === undefined) this.#problem(`segment ${id} is set aside, of no known source: ${reason}`)
      for await (const line of reader.lines(id)) for (const number of numbersOf(line)) known?.add(number)
    }
    if (refused > this.#refusals) this.#problem(`${refused} segments are set aside, the tenant refused ${this.#refusals}`)
    return lines
  }

  #compare({ protocol, memory }: Sender, arrived: Map<number, number>, setAside: Map<string, Set<number>>): void {
    const aside = setAside.get(protocol)!
    const destroyed = new Set(this.#damages.filter(({ source }) => source === protocol).flatMap(damage => damage.destroyed))
    const counts = { sent: memory.sends.length, receipted: 0, arrived: 0, lostWithoutReceipt: 0, setAside: 0, destroyed: 0 }
    const report: ProtocolReport = { ...counts, duplicatesOfResends: 0 }
    const lost: number[] = []
    const doubled: number[] = []
    for (const [number, sends] of memory.sends.entries()) {
      const times = arrived.get(number) ?? 0
      if (memory.receipted[number]) report.receipted++
      if (times > 0) report.arrived++
      else if (aside.has(number)) report.setAside++
      else if (destroyed.has(number)) report.destroyed++
      else if (memory.receipted[number] || (protocol === 'tcp' && memory.lives[number] === this.#life)) lost.push(number)
      else report.lostWithoutReceipt++
      if (times > sends) doubled.push(number)
      else if (times > 1) report.duplicatesOfResends += times - 1
    }
    const strange = [...arrived.keys()].filter(number => memory.sends[number] === undefined)
    this.report.protocols[protocol] = report
    if (lost.length > 0) this.#problem(`${protocol}: ${lost.length} lines are lost: ${brief(lost)}`)
    if (doubled.length > 0) this.#problem(`${protocol}: ${doubled.length} lines arrived more often than they were sent: ${brief(doubled)}`)
    if (strange.length > 0) this.#problem(`${protocol}: lines arrived that nobody sent: ${brief(strange)}`)
  }

  /** After all that, one more line gets through by each way. */
  async #fresh(): Promise<void> {
    const wanted = await Promise.all(
      this.#senders.map(async sender => ({
        protocol: sender.protocol,
        number: await this.#soon(`a fresh line is taken over ${sender.protocol}`, sender.sendOne())
      }))
    )
    const endMs = Date.now() + UNTIL_MS
    let missing = wanted
    while (missing.length > 0 && Date.now() < endMs) {
      await sleep(POLL_MS)
      const arrivals = await this.#arrivals()
      missing = wanted.filter(({ protocol, number }) => !arrivals.get(protocol)!.has(number))
    }
    for (const { protocol } of missing) this.#problem(`a fresh line over ${protocol} did not get through`)
  }
}

const numbersOf = (bytes: Buffer): number[] => [...bytes.toString('latin1').matchAll(/ suser=u(\d+) /g)].map(match => Number(match[1]))

/** Id of the segment that an upload file was, by its name. */
function segmentOf(file: string): string {
  const [, stamp = '', sequence = ''] = /-(\d{8}T\d{9}Z)-(\d{6}[abr]*)\.log\.gz$/.exec(file) ?? []
  const iso = stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/, '$1-$2-$3T$4:$5:$6.$7Z')
  return `${String(Date.parse(iso)).padStart(14, '0')}-${sequence}`
}

const brief = (numbers: readonly number[]): string => `${numbers.slice(0, 10).join(' ')}${numbers.length > 10 ? ' …' : ''}`

function isQuiet({ balance, blocks, spool }: PipelineStatus): boolean {
  const { open, closed, issued, stored, finalising } = spool.segments
  const waiting = open + closed + issued + stored + finalising
  return blocks.outstanding === 0 && balance.frames.inFlight === 0 && balance.delivery.spooled === 0 && waiting === 0
}
