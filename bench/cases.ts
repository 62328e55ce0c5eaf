/** The cases of the bench in the order of docs/performance.md: what each measures, and how its result reads as tables. */
import { backlogResult, type StartResult, startResult } from './backlog.ts'
import { deflateResults } from './deflate.ts'
import { idleResult } from './idle.ts'
import { latencyResult } from './latency.ts'
import { measureStages } from './measure.ts'
import { type MemoryResult, memoryResult } from './memory.ts'
import { type ParserResult, parserResults, typicalResults } from './parsers.ts'
import { recognitionResults } from './recognition.ts'
import { figure, percent, type Table } from './report.ts'
import { scalingResults } from './scaling.ts'
import { type SoakSample, soak } from './soak.ts'
import { spoolResult } from './spool.ts'
import { stages } from './stages.ts'
import { type TlsResult, tlsMemoryResult, tlsResult } from './tls.ts'
import { type LossResult, udpLoss } from './udp-loss.ts'
import { type Load, wholePathFormats, wholePathTcp } from './whole-path.ts'

export interface CaseOptions {
  /** Seconds instead of minutes: rough figures. */
  short: boolean
  /** Size of the backlog of `backlog`. */
  gigabytes: number
  /** Length of `soak`, `memory` and `tls-memory`. */
  minutes?: number | undefined
  /** Size of the writes of the rows that `scaling` has besides; none without it. */
  pieceKib?: number | undefined
  /** Kind of line of `soak`. */
  lines: Load
}

export interface Case {
  name: string
  /** Runs only when it is named. */
  isLong?: true
  run(options: CaseOptions): Promise<{ result: unknown; tables: Table[] }>
}

const parsers: Case = {
  name: 'parsers',
  async run({ short }) {
    const rounds = short ? 9 : 41
    const typical = await typicalResults(rounds)
    const result = [...typical, ...(await parserResults(rounds))]
    const table = (title: string, lines: (row: ParserResult) => boolean): Table => ({
      title,
      head: ['lines', 'parser', 'bytes per line', 'lines/s', 'MB per CPU-s'],
      rows: result
        .filter(lines)
        .map(row => [row.name, row.parser, String(row.bytesPerLine), figure(row.linesPerSecond), figure(row.megabytesPerCpuSecond)])
    })
    const what = 'header, recognition, parsing, normalisation'
    return {
      result,
      tables: [
        table(`Parsers on typical lines: ${what}`, row => typical.includes(row)),
        table(`Parsers on their fixtures: ${what}`, row => !typical.includes(row))
      ]
    }
  }
}

const recognition: Case = {
  name: 'recognition',
  async run({ short }) {
    const result = recognitionResults(short ? 1 : 7, short ? 200 : 900)
    const share = (of: number): string => (100 * of).toFixed(1)
    const rows = result.map(row => [
      row.name,
      row.parser,
      share(row.share),
      `${share(row.leastShare)} to ${share(row.mostShare)}`,
      ...[row.recognition, row.nothing, row.alone, row.path].map(ns => ns.toFixed(0))
    ])
    const title = `Recognition of a known sender: share of the line path, median of ${result[0]!.processes} processes, and ns a line`
    const head = ['lines', 'parser', '%', 'least to most', 'recognition', 'of nothing', 'identify alone', 'line path']
    return { result, tables: [{ title, head, rows }] }
  }
}

const stagesCase: Case = {
  name: 'stages',
  async run({ short }) {
    const result = measureStages(await stages(short ? 4e6 : 16e6), short ? 3 : 7)
    const rows = result.map(stage => [
      stage.name,
      figure(stage.linesPerSecond),
      figure(stage.megabytesPerCpuSecond),
      figure(stage.nsPerLine)
    ])
    const title = 'Stages, one thread, per CPU-second of that thread'
    return { result, tables: [{ title, head: ['stage', 'lines/s', 'MB per CPU-s', 'ns per line'], rows }] }
  }
}

const deflate: Case = {
  name: 'deflate',
  async run({ short }) {
    const result = await deflateResults(short ? 1 : 5)
    const rows = result.map(row => [
      row.name,
      String(row.blockKib),
      figure(row.megabytesPerCpuSecond),
      row.bytesPerRecord.toFixed(1),
      row.ratio.toFixed(2)
    ])
    const title = 'Deflate of CEF lines, copies and CRC included'
    return { result, tables: [{ title, head: ['library and level', 'block KiB', 'MB per CPU-s', 'bytes per record', 'ratio'], rows }] }
  }
}

const spool: Case = {
  name: 'spool',
  async run({ short }) {
    const result = await spoolResult(short ? 2 : 5)
    const { linesPerSecond, megabytesPerSecond, megabytesPerCpuSecond, syncs } = result
    const rows = [['spool', figure(linesPerSecond), figure(megabytesPerSecond), figure(megabytesPerCpuSecond), String(syncs)]]
    const title = 'Spool: append and fdatasync of deflated blocks, MB before compression'
    return { result, tables: [{ title, head: ['stage', 'lines/s', 'MB/s', 'MB per CPU-s', 'syncs'], rows }] }
  }
}

const tcp: Case = {
  name: 'tcp',
  async run({ short }) {
    const result = await wholePathTcp(short ? { bytes: 96e6, seconds: 1, rounds: 1 } : { bytes: 480e6, seconds: 4, rounds: 3 })
    const rsyslog = result.find(({ name }) => name === 'rsyslog, mmnormalize, gzip 1')
    const rows = result.map(row => [
      row.name,
      figure(row.linesPerSecond),
      figure(row.megabytesPerSecond),
      figure(row.megabytesPerCpuSecond),
      rsyslog === undefined ? '–' : figure(row.megabytesPerCpuSecond / rsyslog.megabytesPerCpuSecond),
      figure(row.cpuSecondsPerMillionLines),
      figure(row.peakMegabytes)
    ])
    const title = 'Whole path over TCP: receive, parse FortiGate, GENERIC_CEF, gzip 1, spool'
    const head = ['collector', 'lines/s', 'MB/s', 'MB per CPU-s', 'times rsyslog', 'CPU-s per million lines', 'peak MB']
    return { result, tables: [{ title, head, rows }] }
  }
}

const formats: Case = {
  name: 'formats',
  async run({ short }) {
    const result = await wholePathFormats(short ? { bytes: 64e6, seconds: 1, rounds: 1 } : { bytes: 240e6, seconds: 3, rounds: 3 })
    const rows = result.map(({ load, sluice, rsyslog }) => [
      load,
      figure(sluice.linesPerSecond),
      figure(sluice.megabytesPerSecond),
      figure(sluice.megabytesPerCpuSecond),
      rsyslog === undefined ? '–' : figure(rsyslog.megabytesPerCpuSecond),
      rsyslog === undefined ? '–' : figure(sluice.megabytesPerCpuSecond / rsyslog.megabytesPerCpuSecond)
    ])
    const title = 'Whole path over TCP by kind of line: two lanes against rsyslog on the same lines, MB per CPU-second'
    return { result, tables: [{ title, head: ['lines', 'Sluice lines/s', 'Sluice MB/s', 'Sluice', 'rsyslog', 'times rsyslog'], rows }] }
  }
}

const udp: Case = {
  name: 'udp',
  async run({ short }) {
    const rates = short ? [10_000, 100_000] : [10_000, 50_000, 100_000, 150_000, 200_000, 300_000]
    const result = await udpLoss({ rates, seconds: short ? 2 : 4, longSeconds: short ? 0 : 30 })
    return { result, tables: [...new Set(result.map(({ buffer }) => buffer))].map(buffer => lossTable(result, buffer)) }
  }
}

/** A row per rate, a column per collector. */
function lossTable(results: readonly LossResult[], buffer: LossResult['buffer']): Table {
  const of = results.filter(result => result.buffer === buffer)
  const names = [...new Set(of.map(({ name }) => name))]
  const runs = of.filter(({ name }) => name === names[0]).map(({ rate, sent }) => ({ rate, seconds: Math.round(sent / rate) }))
  const rows = runs.map(({ rate, seconds }) => [
    `${rate.toLocaleString('en')}, ${seconds} s`,
    ...names.map(name => {
      const run = of.find(result => result.name === name && result.rate === rate && result.sent === rate * seconds)
      if (run === undefined) return '–'
      const slow = run.perSecond < rate * 0.97 ? ` of ${run.perSecond.toLocaleString('en')}/s` : ''
      return `${percent(run.lost, run.sent)}${slow} (${run.cpuMicrosecondsPerDatagram.toFixed(1)})`
    })
  ])
  const size = buffer === 'default' ? "the kernel's default" : `${buffer.toLocaleString('en')} bytes asked for`
  return { title: `UDP, one sender, receive buffer ${size}: % lost (µs of CPU per datagram)`, head: ['datagrams/s', ...names], rows }
}

const scaling: Case = {
  name: 'scaling',
  async run({ short, pieceKib }) {
    const result = await scalingResults({ bytes: short ? 120e6 : 1440e6, rounds: short ? 1 : 3, pieceKib })
    const msPerMegabyte = (row: (typeof result)[number]) => {
      const all = 1000 / row.megabytesPerCpuSecond
      const bare = 1000 / row.bareMegabytesPerCpuSecond
      return { all, bare, own: all - bare, sender: 1000 / row.senderMegabytesPerCpuSecond }
    }
    const rows = result.map(row => {
      const first = result.find(({ name }) => name === row.name)!
      const cost = msPerMegabyte(row)
      const firstCost = msPerMegabyte(first)
      return [
        `${row.connections.toLocaleString('en')}, ${row.sources}${row.name.startsWith('writes') ? `, ${row.name}` : ''}`,
        ...[row.linesPerSecond, row.megabytesPerCpuSecond, row.peakMegabytes].map(figure),
        ...[cost.all, cost.bare, cost.sender, firstCost.all / cost.all, firstCost.own / cost.own].map(number => number.toFixed(2))
      ]
    })
    const title = 'Over connections that stay open, in writes of 4 KiB if not said otherwise, two lanes; first row of its kind to this one'
    const head = [
      'connections, sources',
      'lines/s',
      'MB per CPU-s',
      'peak MB',
      'CPU-ms a MB',
      'of them bare reader',
      'sender, CPU-ms a MB',
      'first to all',
      'first to own'
    ]
    return { result, tables: [{ title, head, rows }] }
  }
}

const idle: Case = {
  name: 'idle',
  async run({ short }) {
    const result = await idleResult(short ? 1 : 5, short ? 5 : 20)
    const { residentMegabytes, proportionalMegabytes, anonymousMegabytes, parts } = result
    const rows = [
      ['resident (RSS)', figure(residentMegabytes)],
      ...Object.entries(parts).map(([part, megabytes]) => [`  ${part}`, figure(megabytes)]),
      ['by shares (PSS)', figure(proportionalMegabytes)],
      ["the process's own (anonymous)", figure(anonymousMegabytes)]
    ]
    return { result, tables: [{ title: `Memory at idle, two lanes, median of ${result.starts}`, head: ['what', 'MB'], rows }] }
  }
}

const memory: Case = {
  name: 'memory',
  async run({ short, minutes = 1 }) {
    const result = await memoryResult(short ? 10 : 60 * minutes)
    return { result, tables: memoryTables('Memory at full load over TCP, two lanes, resident MB', result) }
  }
}

/** The whole, and ten looks in between. */
function memoryTables(title: string, result: MemoryResult): Table[] {
  const { seconds, lines, overTime } = result
  const { idleMegabytes, firstQuarterMegabytes, lastQuarterMegabytes, highestSecondMegabytes, peakMegabytes } = result
  const megabytes = [idleMegabytes, firstQuarterMegabytes, lastQuarterMegabytes, highestSecondMegabytes, peakMegabytes]
  const tenth = Math.ceil(overTime.length / 10)
  const every = overTime.filter((_, second) => second % tenth === tenth - 1)
  return [
    {
      title,
      head: ['load', 'lines/s', 'idle', 'first quarter', 'last quarter', 'highest second', 'peak'],
      rows: [[`${seconds} s`, figure(lines / seconds), ...megabytes.map(figure)]]
    },
    {
      title: `The same, every ${tenth} s`,
      head: ['', ...every.map((_, i) => `${(i + 1) * tenth} s`)],
      rows: [['MB', ...every.map(String)]]
    }
  ]
}

const latency: Case = {
  name: 'latency',
  async run({ short }) {
    const result = await latencyResult(short ? 30 : 300)
    const { megabytesPerSecond, probes, p50Milliseconds, p90Milliseconds, p99Milliseconds, maxMilliseconds } = result
    const rows = [
      [
        `${figure(megabytesPerSecond)} MB/s, ${probes} lines`,
        ...[p50Milliseconds, p90Milliseconds, p99Milliseconds, maxMilliseconds].map(figure)
      ]
    ]
    const title = 'From a line sent to a durable block at half load over TCP, two lanes, ms'
    return { result, tables: [{ title, head: ['load', 'median', '90 %', '99 %', 'longest'], rows }] }
  }
}

const TLS_CONNECTIONS = 1000

const tls: Case = {
  name: 'tls',
  async run({ short }) {
    const result: TlsResult[] = []
    for (const connections of [1, TLS_CONNECTIONS]) result.push(await tlsResult(connections, short ? 96e6 : 12e9))
    const rows = result.map(row => [
      String(row.connections),
      ...[row.linesPerSecond, row.megabytesPerSecond, row.megabytesPerCpuSecond, row.idleMegabytes, row.peakMegabytes].map(figure)
    ])
    const title = 'Syslog over TLS 1.3, two lanes, a sender in Node on the same cores'
    return { result, tables: [{ title, head: ['connections', 'lines/s', 'MB/s', 'MB per CPU-s', 'idle MB', 'peak MB'], rows }] }
  }
}

const tlsMemory: Case = {
  name: 'tls-memory',
  isLong: true,
  async run({ short, minutes = 20 }) {
    const result = await tlsMemoryResult(TLS_CONNECTIONS, short ? 10 : 60 * minutes)
    const title = `Memory at full load over ${TLS_CONNECTIONS} TLS connections, two lanes, resident MB`
    return { result, tables: memoryTables(title, result) }
  }
}

const backlog: Case = {
  name: 'backlog',
  async run({ short, gigabytes }) {
    const result = await backlogResult(short ? 0.2 : gigabytes, short ? 96e6 : 12e9)
    const { emptyMegabytesPerSecond, drainingMegabytesPerSecond, uploadedSegments, uploadedMegabytesPerSecond } = result
    const rows = [
      ['empty spool', figure(emptyMegabytesPerSecond), '–', '–'],
      [
        `${result.gigabytes} GB that drain`,
        figure(drainingMegabytesPerSecond),
        String(uploadedSegments),
        figure(uploadedMegabytesPerSecond)
      ]
    ]
    const title = 'A backlog drains at 20 requests a minute beside a TCP load, two lanes'
    return { result, tables: [{ title, head: ['spool at the start', 'MB/s in', 'segments uploaded', 'MB/s out'], rows }] }
  }
}

const start: Case = {
  name: 'start',
  async run({ short }) {
    const result: StartResult[] = []
    for (const segments of [1, short ? 5000 : 100_000]) result.push(await startResult(segments))
    const rows = result.map(row => [row.segments.toLocaleString('en'), row.secondsUntilReady.toFixed(2), figure(row.residentMegabytes)])
    return { result, tables: [{ title: 'Start with segments that wait', head: ['segments', 'seconds until ready', 'resident MB'], rows }] }
  }
}

const SOAK_LINES_PER_SECOND = 50_000

const soakCase: Case = {
  name: 'soak',
  isLong: true,
  async run({ short, minutes = 10, lines }) {
    const options = { seconds: short ? 30 : minutes * 60, connections: TLS_CONNECTIONS, linesPerSecond: SOAK_LINES_PER_SECOND, lines }
    const result = await soak(options, ({ second, residentMegabytes, sent, written }) =>
      console.log(`${second} s: ${Math.round(residentMegabytes)} MB resident, ${sent} lines sent, ${written} written`)
    )
    const row = ({ second, residentMegabytes, connections, sent, written, uploaded }: SoakSample): string[] =>
      [second, Math.round(residentMegabytes), connections, sent, written, uploaded].map(value => value.toLocaleString('en'))
    const every = Math.max(1, Math.ceil(result.samples.length / 12))
    const title = `Soak: ${TLS_CONNECTIONS} TLS connections, ${SOAK_LINES_PER_SECOND.toLocaleString('en')} lines/s of ${lines}`
    const head = ['s', 'resident MB', 'connections', 'sent', 'written', 'uploaded']
    const sums = [
      ['lines sent', figure(result.sent)],
      ['lines lost', String(result.sent - result.written)],
      ['turns left out, since a connection was not read', String(result.behind)],
      ['CPU-seconds per second', (result.cpuSeconds / options.seconds).toFixed(2)],
      ['resident MB, median of the second quarter', figure(result.earlyMegabytes)],
      ['resident MB, median of the last quarter', figure(result.lateMegabytes)],
      ['peak MB', figure(result.peakMegabytes)]
    ]
    const rows = result.samples.filter((_, index) => index % every === 0 || index === result.samples.length - 1).map(row)
    return {
      result,
      tables: [
        { title, head, rows },
        { title: 'Soak as a whole', head: ['what', ''], rows: sums }
      ]
    }
  }
}

export const CASES: readonly Case[] = [
  tcp,
  formats,
  udp,
  tls,
  scaling,
  idle,
  memory,
  latency,
  backlog,
  start,
  parsers,
  recognition,
  stagesCase,
  deflate,
  spool,
  tlsMemory,
  soakCase
]
/** What CI runs, in about three minutes with `--short`. */
export const SHORT_CASES = ['tcp', 'udp', 'latency', 'start']
