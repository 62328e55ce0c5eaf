/**
 * Failures of the world (disk, network, service, configuration). Bad input is never an error: it is an outcome and a counter.
 * Every code stands in this table once; `docs/errors.md` is made from it.
 */

export const ERROR_CODES = {
  CONFIG_INVALID: 'The configuration cannot be used; every fault is listed with line and column.',
  LISTEN_FAILED: 'A receiver or the admin server cannot bind its address.',
  SPOOL_UNUSABLE: 'The spool directory cannot be created, locked, read or written.',
  SPOOL_VERSION: 'The spool was written by another version in a format this one does not read.',
  SPOOL_FULL: 'The spool is above its high-water mark.',
  SPOOL_IO: 'A spool file could not be written or made durable.',
  SEGMENT_DAMAGED: 'A spool segment does not hold what its ledger says; it is set aside.',
  UPLOAD_REFUSED: 'The service or the storage refused a file for good.',
  UPLOAD_RETRY: 'An upload step failed in a way that may pass.',
  UPLOAD_AUTH: 'The service did not accept the credentials.',
  UPLOAD_THROTTLED: 'The service asked to slow down.',
  TENANT_UNREACHABLE: 'The tenant API cannot be reached.',
  LANE_FAILED: 'A lane ended unexpectedly.'
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An error with a stable code and the one question its catcher asks: may the same step succeed later? */
export class CollectorError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CollectorError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}
