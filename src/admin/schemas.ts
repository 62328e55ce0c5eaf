/** What the admin API answers, for the OpenAPI document and for serialization. */
import { type TSchema, Type } from 'typebox'
import { LOG_LEVELS } from '../telemetry/logger.ts'

/** Objects of telemetry/status.ts: the type there is the contract, so the document names it and lets all of it through. */
export const open = (description: string) => Type.Object({}, { additionalProperties: true, description })
export const listOf = (description: string) => Type.Array(open(description))

export const CheckReportSchema = Type.Object({
  ok: Type.Boolean(),
  checks: Type.Array(
    Type.Object({ name: Type.String(), ok: Type.Boolean(), detail: Type.Optional(Type.String({ description: 'Why it fails.' })) })
  )
})

export const LogLevelSchema = Type.Object({ level: Type.Enum([...LOG_LEVELS]) }, { additionalProperties: false })

export const ReloadSchema = Type.Object({
  ok: Type.Boolean({ description: 'False: the new file has faults, the old configuration goes on.' }),
  messages: Type.Array(Type.String())
})

export const ReplaySchema = Type.Object({ id: Type.String(), waiting: Type.Boolean({ description: 'It waits for its upload again.' }) })

const LevelSchema = Type.Enum(['good', 'starting', 'warning', 'bad'])

const Moment = (description: string) => Type.Optional(Type.Number({ description: `${description}, ms since 1970 UTC` }))

const FindingSchema = Type.Object({
  level: Type.Enum(['warning', 'bad']),
  what: Type.String(),
  because: Type.Optional(Type.String()),
  remedy: Type.Optional(Type.String({ description: 'What to do.' })),
  sinceMs: Moment('Since when'),
  source: Type.Optional(Type.String())
})

export const VerdictSchema = Type.Object({
  level: LevelSchema,
  headline: Type.String(),
  sinceMs: Moment('Since when'),
  because: Type.Optional(Type.String()),
  remedy: Type.Optional(Type.String()),
  findings: Type.Array(FindingSchema, { description: 'Everything that is wrong, worst first.' })
})

const RatesSchema = Type.Object(
  { received: Type.Number(), parsed: Type.Number(), written: Type.Number(), uploaded: Type.Number(), rejected: Type.Number() },
  { description: 'A second.' }
)

export const HistorySchema = Type.Array(
  Type.Object({
    atMs: Type.Number(),
    sources: Type.Record(Type.String(), RatesSchema),
    backlogBytes: Type.Number({ description: 'What the spool holds, without its archive.' }),
    lost: Type.Number({ description: 'Lost for lack of room, a second.' })
  })
)

const RejectKindSchema = Type.Object({
  source: Type.String(),
  outcome: Type.Enum(['malformed', 'unidentified', 'rejected']),
  parser: Type.String(),
  reason: Type.String(),
  verdict: Type.Optional(Type.String({ description: 'What Cloud Discovery would say.' })),
  remedy: Type.Optional(Type.String()),
  lines: Type.Array(Type.Object({ atMs: Type.Number(), text: Type.String() })),
  lastMs: Type.Number()
})

export const OverviewSchema = Type.Object({
  nowMs: Type.Number({ description: 'The clock of the collector, ms since 1970 UTC.' }),
  verdict: VerdictSchema,
  status: open('PipelineStatus'),
  history: HistorySchema,
  historyIntervalMs: Type.Number(),
  timeToFullMs: Type.Optional(Type.Number({ description: 'Until the spool is full; absent while it does not fill.' })),
  rejects: Type.Array(RejectKindSchema)
})

export const ErrorSchema = Type.Object({ code: Type.String(), message: Type.String() })

/** Summary for the document and the schemas of the answers by status. */
export const answers = (summary: string, response: Record<number, TSchema>) => ({ summary, response })
