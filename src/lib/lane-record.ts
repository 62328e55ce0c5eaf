/**
 * Hot path. The record at hand of this thread, whose ranges and numbers lie in the lane's memory, where vector code looks at them and writes them
 * (src/lib/simd). There is one place for it: whoever reads lines has one record at a time, and is done with it before the next.
 */
import { NUMBER_FIELD_COUNT, RecordFields, TEXT_FIELD_COUNT } from '../record.ts'
import { laneFloats, laneInts, reserveLaneMemory } from './lane-memory.ts'
import { RECORD_BYTES, RECORD_ENDS, RECORD_STARTS } from './simd/program.ts'

/** Its address. */
export const laneRecordAt = reserveLaneMemory(RECORD_BYTES)

/** A record of that place; a later one takes it over. */
export const newLaneRecord = (): RecordFields =>
  new RecordFields({
    isInLane: true,
    numbers: laneFloats(laneRecordAt, NUMBER_FIELD_COUNT),
    start: laneInts(laneRecordAt + RECORD_STARTS, TEXT_FIELD_COUNT),
    end: laneInts(laneRecordAt + RECORD_ENDS, TEXT_FIELD_COUNT)
  })
