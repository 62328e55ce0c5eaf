/** Where files of the archive are kept: a container, or a folder. */
import type { PackedFile } from './pack.ts'

export interface ArchiveStore {
  /** For status and log; holds no secret. */
  readonly place: string
  /**
   * Keeps the file under the name, parts separated by `/`; one of that name is the same file from an earlier try. Rejects with StepFailure of
   * stage `put`.
   */
  put(name: string, file: PackedFile, facts: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
