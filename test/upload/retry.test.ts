import t from 'tap'
import { answerFailure, backoffMs, classify, describe, networkFailure, throttleMs } from '../../src/upload/retry.ts'

const NOW = Date.UTC(2026, 10, 24)

t.test('each row of the table of error answers leads to its decision', async t => {
  for (const [stage, status, body, kind] of [
    ['url', 0, '', 'retry'],
    ['url', 400, 'unknown source', 'set-aside'],
    ['done', 400, 'CONSOLE_PARSE_LOG_TASK_ERROR_NOT_FOUND_INPUT_STREAM', 'stop-source'],
    ['done', 404, 'CONSOLE_PARSE_LOG_TASK_ERROR_NOT_FOUND_INPUT_STREAM', 'stop-source'],
    ['url', 401, '', 'stop-all'],
    ['done', 403, '', 'stop-all'],
    ['put', 403, '', 'reissue'],
    ['put', 404, '', 'reissue'],
    ['url', 404, '', 'stop-all'],
    ['url', 302, '', 'stop-all'],
    ['url', 413, '', 'set-aside'],
    ['done', 413, '', 'split'],
    ['put', 413, '', 'split'],
    ['url', 429, '', 'throttled'],
    ['put', 503, 'Request was THROTTLED', 'throttled'],
    ['done', 400, 'too many requests', 'throttled'],
    ['url', 500, '', 'retry'],
    ['put', 502, '', 'retry'],
    ['done', 503, '', 'retry'],
    ['done', 504, '', 'retry'],
    ['put', 409, '', 'reissue'],
    ['put', 412, '', 'reissue'],
    ['put', 411, '', 'set-aside'],
    ['token', 401, '', 'stop-all'],
    ['token', 400, '', 'stop-all'],
    ['token', 503, '', 'retry']
  ] as const) {
    t.equal(classify({ stage, status, body }, NOW).kind, kind, `${stage} ${status} ${body}`)
  }
})

t.test('a storage that has a file already is told from one with another conflict, and the message says which', async t => {
  const put = { stage: 'put', mayBeStored: true } as const
  const s3 = (code: string): string => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`
  for (const answer of [
    { status: 409 },
    { status: 412 },
    { status: 409, errorCode: 'BlobAlreadyExists' },
    { status: 412, errorCode: 'ConditionNotMet' },
    { status: 403, errorCode: 'UnauthorizedBlobOverwrite' },
    { status: 412, body: s3('PreconditionFailed') }
  ]) {
    const again = answerFailure('store the file', { ...put, ...answer }, NOW)
    t.equal(again.decision.kind, 'stored', JSON.stringify(answer))
    t.match(again.message, /^The storage has the file from an earlier try .*goes on \(the answer was 4\d\d/)
    const first = answerFailure('store the file', { ...put, ...answer, mayBeStored: false }, NOW)
    t.equal(first.decision.kind, 'reissue', JSON.stringify(answer))
    t.match(first.message, /^The upload URL has a file already .*new URL is asked for \(the answer was 4\d\d/)
  }
  for (const answer of [
    { status: 409, errorCode: 'ContainerBeingDeleted' },
    { status: 412, errorCode: 'LeaseIdMissing' },
    { status: 409, body: s3('ConditionalRequestConflict') },
    { status: 403, errorCode: 'AuthenticationFailed' },
    { status: 403 }
  ]) {
    const failure = answerFailure('store the file', { ...put, ...answer }, NOW)
    t.equal(failure.decision.kind, 'reissue', JSON.stringify(answer))
    t.match(failure.message, /^Cannot store the file: the answer was 4\d\d/)
  }
  t.equal(classify({ ...put, status: 500 }, NOW).kind, 'retry')
})

t.test('a throttled caller rests at least a minute and at most an hour', async t => {
  t.equal(throttleMs(undefined, NOW), 60_000)
  t.equal(throttleMs('1', NOW), 60_000)
  t.equal(throttleMs('90', NOW), 90_000)
  t.equal(throttleMs('99999999', NOW), 3600_000)
  t.equal(throttleMs(new Date(NOW + 120_000).toUTCString(), NOW), 120_000)
  t.equal(throttleMs('soon', NOW), 60_000)
})

t.test('backoff doubles up to five minutes and is jittered over its whole length', async t => {
  t.equal(
    backoffMs(0, () => 0),
    0
  )
  t.same(
    [0, 1, 2, 20, 5000].map(attempt => backoffMs(attempt, () => 1)),
    [1000, 2000, 4000, 300_000, 300_000]
  )
})

t.test('a failure quotes little of the answer, and one after which the work may be done leaves doubt', async t => {
  const failure = answerFailure('finalise', { stage: 'done', status: 504, body: `x\n${'y'.repeat(1000)}` }, NOW)
  t.ok(failure.message.length < 300)
  t.equal(failure.ambiguous, true)
  for (const [status, isInDoubt] of [
    [400, false],
    [500, true],
    [501, false],
    [502, true],
    [503, false]
  ] as const)
    t.equal(answerFailure('finalise', { stage: 'done', status }, NOW).ambiguous, isInDoubt, String(status))
  t.match(networkFailure('x', 'url', new Error('a', { cause: new Error('b') })), {
    code: 'TENANT_UNREACHABLE',
    message: 'Cannot x: a: b',
    retryable: true
  })
  t.equal(describe(new AggregateError([Object.assign(new Error('no'), { code: 'ECONNREFUSED' })])), 'no (ECONNREFUSED)')
})
