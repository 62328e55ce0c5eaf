/** A process that runs until it is told to stop; its argument says how the stop goes: quick, slow, never or fails. */
import { untilStopped } from '../../src/cli/signals.ts'

const stops: Record<string, () => Promise<void>> = {
  quick: async () => undefined,
  slow: () => new Promise(resolve => setTimeout(resolve, 300)),
  never: () => new Promise(() => undefined),
  fails: async () => {
    throw new Error('the disk is gone')
  }
}
const keepAlive = setInterval(() => undefined, 1000)
const stopped = untilStopped({
  deadlineMs: Number(process.argv[3]),
  stop(signal) {
    console.log(`stopping ${signal}`)
    return stops[process.argv[2]!]!()
  },
  reload: () => console.log('reload'),
  onProblem: message => console.log(message)
})
console.log('ready')
process.exitCode = await stopped
clearInterval(keepAlive)
