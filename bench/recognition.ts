/**
 * What recognition takes of the line path of a sender that is known, by kind of line. V8 compiles a process's hot code in one of
 * several ways, so each kind has several processes of its own (`bench/recognition-program.ts`), and the median of them counts.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { LINE_KINDS } from './lines.ts'
import { median } from './measure.ts'
import type { RecognitionSample } from './recognition-program.ts'

const PROGRAM = fileURLToPath(new URL('./recognition-program.ts', import.meta.url))
const LINES = 200

/** ns a line, medians over the processes; see `RecognitionSample`. */
export interface RecognitionResult extends RecognitionSample {
  name: string
  processes: number
  /** Share of recognition in the whole line path, and the least and the most of the processes. */
  share: number
  leastShare: number
  mostShare: number
}

export function recognitionResults(processes: number, rounds: number): RecognitionResult[] {
  const samples = LINE_KINDS.map(() => [] as RecognitionSample[])
  for (let i = 0; i < processes; i++) {
    LINE_KINDS.forEach((kind, index) => {
      const printed = execFileSync(process.execPath, [PROGRAM, kind, String(LINES), String(rounds)], { encoding: 'utf8' })
      samples[index]!.push(JSON.parse(printed))
    })
  }
  return LINE_KINDS.map((name, index) => summary(name, samples[index]!))
}

function summary(name: string, samples: readonly RecognitionSample[]): RecognitionResult {
  const of = (value: (sample: RecognitionSample) => number): number => median(samples.map(value))
  const path = of(sample => sample.path)
  // the paths of processes differ by what else the machine does; the differences hardly do
  const shares = samples.map(({ recognition }) => recognition / path)
  return {
    name,
    parser: samples[0]!.parser,
    processes: samples.length,
    path,
    recognition: of(sample => sample.recognition),
    nothing: of(sample => sample.nothing),
    alone: of(sample => sample.alone),
    share: median(shares),
    leastShare: Math.min(...shares),
    mostShare: Math.max(...shares)
  }
}
