/**
 * Preloaded into a collector under test: the upload room's clock runs fast, so that a rest of a minute after a 429, ten minutes
 * after a 401, and the budget of requests per minute fit a run of seconds. Limits of single calls are cut as well, for calls that hang.
 * Segments stay open for as long as the configuration says: the budget bears it, at this speed.
 */
import { FlushPace } from '../../src/pipeline/flush-pace.ts'
import { systemClock } from '../../src/upload/clock.ts'

const SPEED = 200
const TIMEOUT_SPEED = 40
const CALL_TIMEOUT_MS = 60_000

const startMs = Date.now()
const { sleep } = systemClock
systemClock.elapsed = () => performance.now() * SPEED
systemClock.now = () => startMs + (Date.now() - startMs) * SPEED
systemClock.sleep = (ms, signal) => sleep(ms / SPEED, signal)

const timeout = AbortSignal.timeout.bind(AbortSignal)
AbortSignal.timeout = ms => timeout(ms >= CALL_TIMEOUT_MS ? Math.ceil(ms / TIMEOUT_SPEED) : ms)

FlushPace.prototype.look = () => {}
