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

export const ErrorSchema = Type.Object({ code: Type.String(), message: Type.String() })

/** Summary for the document and the schemas of the answers by status. */
export const answers = (summary: string, response: Record<number, TSchema>) => ({ summary, response })
