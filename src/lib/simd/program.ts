/**
 * What both sides know: the vector code of this folder (AssemblyScript) and the TypeScript that writes its programs. Numbers only, in a
 * syntax that both languages have.
 */

/** What ends the value in a hole of a layout: the byte itself, or one of these. A word that ends with the frame. */
export const TO_END = 0
/** Text that ends with the frame. */
export const TEXT_TO_END = 1
/** CEF: the blank before the next key, which is known by its `=`; and the last value. */
export const TO_NEXT_KEY = 2
export const LAST_OF_CEF = 3
/** JSON: a number, which ends before the next byte that is neither digit nor point. */
export const NUMBER = 4

/**
 * A part of a layout, int32 each: address of its literal, the literal's length, address after its wanted values that lie in the literal,
 * offset of the first `=` in the literal (for TO_NEXT_KEY), what ends the hole behind it, 1 when the hole's value is wanted.
 */
export const PART_LENGTH = 4
export const PART_PLACED_END = 8
export const PART_FIRST_EQUALS = 12
export const PART_TERMINATOR = 16
export const PART_IS_WANTED = 20
export const PART_BYTES = 24

/** A wanted value that was found, or lies in a literal, int32 each: its start, its end, how it was written. */
export const PLACED_END = 4
export const PLACED_ESCAPE = 8
export const PLACED_BYTES = 12

/** Bytes of one vector. A literal is kept as vectors, each followed by its mask: 0xff for the bytes that count. */
export const VECTOR_BYTES = 16

/**
 * The record at hand, as src/record.ts has it: numbers, float64, then starts of its texts and their ends, int32 in the order of the fields. What
 * was found in its URL follows, as below.
 */
export const RECORD_STARTS = 40
export const RECORD_USER = 4
export const RECORD_DEVICE = 8
export const RECORD_DST_IP = 12
export const RECORD_DST_HOST = 16
export const RECORD_URL = 20
/** From the start of a text to its end. */
export const RECORD_END = 24
export const RECORD_ENDS = 64
export const RECORD_FOUND = 88
export const RECORD_BYTES = 104

/**
 * What a line is written from (`write.ts`): the steps of an encoder, int32 each: what it writes (WRITE_…), the address of its
 * value, address and length of the text before it. Only the literal is written when the value is there; a step for an absent one writes
 * nothing.
 */
export const STEP_VALUE = 4
export const STEP_LITERAL = 8
export const STEP_LENGTH = 12
export const STEP_BYTES = 16

/** Text, int32 each: its start, and RECORD_END bytes behind that its end; a start below 0 is an absent one. */
export const WRITE_TEXT = 0
/** A number, float64; below 0 is an absent one. */
export const WRITE_NUMBER = 1
/** Nothing but the literal, where an int32 is 1. */
export const WRITE_LITERAL = 2

/** Rows: bytes looked at in one go. The places of a whole one are written, and one more, behind those that were wanted. */
export const WINDOW_BYTES = 64
export const ROOM_BYTES = 4 * (WINDOW_BYTES + 1)
/** Empty words behind the last one of a row; a multiple of four. */
export const ABSENT_WORDS = 8

/** What a URL's host is, when all of the URL is as it should be. */
export const NOT_PLAIN = 0
export const HOST_IS_NAME = 1
export const HOST_IS_ADDRESS = 2
/** Where that stands in the answer of `plainTexts`. */
export const URL_SHIFT = 5

/** What was found in a URL, int32 each: start and end of its host, end of its path, start of its query. */
export const URL_HOST = 0
export const URL_HOST_END = 4
export const URL_PATH_END = 8
export const URL_QUERY = 12
export const URL_BYTES = 16

/** A table of known words (`values.ts`): slots of a length, int32, 0 for none, what the word means, int32 of 0 or more, and the word's bytes. */
export const KNOWN_MEANING = 4
export const KNOWN_TEXT = 16
export const KNOWN_LENGTH_MAX = 32
export const KNOWN_BYTES = 48
export const KNOWN_SLOTS = 64
/** Bits of a hash of 32 that do not say the slot. */
export const KNOWN_SHIFT = 26

/** What `squid.ts` finds in a row: time and size, float64 each; then int32: what the three known words mean, what the target is, and ranges. */
export const SQUID_TIME = 0
export const SQUID_SIZE = 8
export const SQUID_CODE = 16
export const SQUID_METHOD = 20
export const SQUID_PEER = 24
/** HOST_IS_NAME or HOST_IS_ADDRESS of a URL, HOST_AND_PORT of a `host:port`. */
export const SQUID_TARGET = 28
export const SQUID_CLIENT = 32
/** The user and the peer's address start at -1 when there is none. */
export const SQUID_USER = 40
export const SQUID_ADDRESS = 48
/** Start of the URL or the host. What a URL has besides follows as `plainUrl` writes it; a host has its end and its port. */
export const SQUID_URL = 56
export const SQUID_FOUND = 60
export const SQUID_BYTES = 80
export const HOST_AND_PORT = 3
