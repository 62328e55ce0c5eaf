import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { UploadProgressView } from '../../src/cli/upload-progress.ts'
import { isComplete, reportText } from '../../src/cli/upload-report.ts'
import type { BackfillProgress } from '../../src/pipeline/backfill.ts'
import type { FileOutcome, FileReport } from '../../src/pipeline/backfill-report.ts'
import { testDir } from '../test-dir.ts'
import { memoryIo } from './memory-io.ts'

const progress: BackfillProgress = { file: '/logs/a.log', phase: 'read', bytes: 0, totalBytes: 1024, uploadedFiles: 0, waitingFiles: 0 }

function view(isTTY: boolean) {
  const out = Object.assign(new PassThrough(), { isTTY, columns: 70 })
  const clock = { ms: 0 }
  return { view: new UploadProgressView(out, () => clock.ms), clock, text: (): string => out.read()?.toString() ?? '' }
}

t.test('on a terminal one line changes, a few times a second, and never becomes two', t => {
  const { view: shown, clock, text } = view(true)
  shown.show({ ...progress, file: `/logs/${'long'.repeat(30)}.log` })
  const line = text()
  t.match(line, /^\r\u001b\[K\[-{24}\] {3}0% {2}0 B of 1 KiB {2}reading longlong/)
  t.ok(line.length <= 70 + 4, 'cut at the width of the terminal')
  shown.show({ ...progress, file: `/logs/${'long'.repeat(30)}.log`, bytes: 512 })
  t.equal(text(), '', 'not for every piece')
  clock.ms = 250
  shown.show({ ...progress, bytes: 512 })
  t.match(text(), '[############------------]  50%  512 B of 1 KiB  reading a.log')
  shown.clear()
  t.equal(text(), '\r\u001b[K')
  t.end()
})

t.test('elsewhere lines tell each phase, and that it goes on, without control characters', t => {
  const { view: shown, clock, text } = view(false)
  shown.show({ ...progress, phase: 'check' })
  shown.show({ ...progress, phase: 'check', bytes: 1024 })
  t.equal(text(), '[------------------------]   0%  0 B of 1 KiB  checking a.log\n')
  shown.show({ ...progress, file: '/logs/\u001b[31m.log' })
  t.equal(text(), '[------------------------]   0%  0 B of 1 KiB  reading \\x1b[31m.log\n')
  clock.ms = 20_000
  shown.show({ ...progress, phase: 'upload', bytes: 1024, uploadedFiles: 2, waitingFiles: 1 })
  t.equal(text(), '[########################] 100%  1 KiB of 1 KiB  uploading a.log, 2 uploaded, 1 to go\n')
  shown.clear()
  t.equal(text(), '')
  t.end()
})

const reportOf = (outcome: FileOutcome, more: Partial<FileReport> = {}): FileReport => ({
  file: 'a.log',
  outcome,
  bytes: 2048,
  counts: { lines: 0, parsed: 0, skipped: 0, malformed: 0, unidentified: 0, written: 0, dropped: {}, rejected: [], truncated: 0 },
  knownRecords: 0,
  uploaded: { files: 0, records: 0, bytes: 0 },
  waiting: { files: 0, records: 0, bytes: 0 },
  setAside: { files: 0, records: 0, reasons: [] },
  ambiguousFinalises: 0,
  ...more
})

t.test('it is complete when something was uploaded and nothing is left to do', t => {
  const rows: [FileOutcome[], boolean][] = [
    [['uploaded'], true],
    [['uploaded', 'known', 'empty'], true],
    [['known'], false],
    [['empty'], false],
    [[], false],
    ...(['waiting', 'interrupted', 'set-aside', 'failed', 'not-begun'] as const).map((outcome): [FileOutcome[], boolean] => [
      ['uploaded', outcome],
      false
    ])
  ]
  for (const [outcomes, complete] of rows) t.equal(isComplete(outcomes.map(outcome => reportOf(outcome))), complete, outcomes.join(' '))
  t.end()
})

t.test('the report tells what became of every line', t => {
  const text = reportText(
    reportOf('waiting', {
      reason: 'no answer\u001b[31m',
      counts: {
        lines: 10,
        parsed: 6,
        skipped: 1,
        malformed: 2,
        unidentified: 1,
        written: 3,
        dropped: { too_old: 2, odd: 1 },
        rejected: [{ outcome: 'malformed', parser: 'squid-native', reason: 'bad_time', count: 2 }],
        truncated: 1
      },
      uploaded: { files: 1, records: 1, bytes: 100 },
      waiting: { files: 1, records: 2, bytes: 200 },
      dir: '/spool/backfill/x'
    }),
    'data source HQ'
  )
  t.equal(
    text,
    `a.log: not all could be uploaded: no answer\\x1b[31m
  lines: 10, 6 parsed, 1 skipped, 2 malformed, 1 unidentified
  not parsed: 2 malformed bad_time (squid-native)
  dropped: 3 records: 2 too_old (older than process.max_age; the service takes 90 days), 1 odd
  cut: 1 lines were longer than 64 KiB
  waiting: 2 records in 1 file; run the same command again
  uploaded so far: 1 record in 1 file
  spool: /spool/backfill/x
`
  )
  t.end()
})

async function upload(t: Test, sources: string, ...args: string[]) {
  const cwd = testDir(t, { 'a.log': 'x\n' })
  writeFileSync(join(cwd, 'sluice.yaml'), `spool: { dir: ${join(cwd, 'spool')} }\nsources: [${sources}]\n`)
  const io = memoryIo(cwd)
  return { code: await runCommandLine(['upload', ...args], io), err: io.err() }
}

t.test('wrong usage is told before anything is read', async t => {
  const one = '{ name: HQ, appliance: squid-native }'
  const rows: [string[], RegExp][] = [
    [[], /at least one FILE/],
    [['-'], /not standard input/],
    [['a.log', '--source', 'HG'], /there is no source "HG"; did you mean "HQ"\?; configured: HQ/],
    [['a.log', '--snapshot', 'a b'], /--snapshot is "a b"/],
    [['a.log', '--wait', 'long'], /--wait is "long"/],
    [['a.log', '--nothing'], /--nothing/]
  ]
  for (const [args, message] of rows) t.match(await upload(t, one, ...args), { code: 2, err: message }, args.join(' '))
  t.match(await upload(t, `${one}, { name: Branch }`, 'a.log'), { code: 2, err: /--source NAME is needed; configured: HQ, Branch/ })
})

t.test('what the disk refuses is one sentence with its place, and no stack', async t => {
  const cwd = testDir(t, { 'a.log': 'x\n', file: '' })
  writeFileSync(join(cwd, 'sluice.yaml'), `spool: { dir: ${join(cwd, 'file/spool')} }\nsources: [{ name: HQ }]\n`)
  const io = memoryIo(cwd)
  t.equal(await runCommandLine(['upload', 'a.log'], io), 1)
  t.match(io.err(), /^sluice: ENOTDIR: not a directory, mkdir '.*spool\/backfill'\n$/)
})
