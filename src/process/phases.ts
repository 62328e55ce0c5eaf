/**
 * Hot path: once per record. One record per connection: appliances may log its start, its state now and then, and its end. The end
 * says all, so it wins; starts count only as long as the sender has never shown an end (some log starts only).
 */
import { PHASE_END, PHASE_INTERIM, PHASE_START, PHASE_WHOLE, type RecordFields } from '../record.ts'

/** What an intake has shown of one appliance. */
export interface PhaseMemory {
  hasEnds: boolean
}

/** '' to keep the record, else why it goes. */
export function judgePhase(record: RecordFields, memory: PhaseMemory): 'connection_start' | 'interim' | '' {
  switch (record.phase) {
    case PHASE_WHOLE:
      return ''
    case PHASE_END:
      memory.hasEnds = true
      return ''
    case PHASE_START:
      return memory.hasEnds ? 'connection_start' : ''
    case PHASE_INTERIM:
      return 'interim'
    default:
      return ''
  }
}
