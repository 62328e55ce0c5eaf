/** The cases of the bench in the order of docs/performance.md: what each measures, and how its result reads as tables. */
import { deflateResults } from './deflate.ts'
import { measureStages } from './measure.ts'
import { parserResults } from './parsers.ts'
import { figure, percent, type Table } from './report.ts'
import { spoolResult } from './spool.ts'
import { stages } from './stages.ts'
import { type LossResult, udpLoss } from './udp-loss.ts'
import { wholePathFormats, wholePathTcp } from './whole-path.ts'

export interface CaseOptions {
  /** Seconds instead of minutes: rough figures. */
  short: boolean
}

export interface Case {
  name: string
  run(options: CaseOptions): Promise<{ result: unknown; tables: Table[] }>
}

const parsers: Case = {
  name: 'parsers',
  async run({ short }) {
    const result = await parserResults(short ? 9 : 41)
    const rows = result.map(row => [
      row.parser,
      String(row.bytesPerLine),
      figure(row.linesPerSecond),
      figure(row.megabytesPerCpuSecond),
      (100 * row.recogniserShare).toFixed(0)
    ])
    const title = 'Parsers on their fixtures: header, recognition, parsing, normalisation'
    return { result, tables: [{ title, head: ['parser', 'bytes per line', 'lines/s', 'MB per CPU-s', 'recognition %'], rows }] }
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
    const result = await wholePathTcp({ bytes: short ? 96e6 : 480e6, rounds: short ? 1 : 3 })
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
    const result = await wholePathFormats({ bytes: short ? 64e6 : 240e6, rounds: short ? 1 : 3 })
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

export const CASES: readonly Case[] = [parsers, stagesCase, deflate, spool, tcp, formats, udp]
