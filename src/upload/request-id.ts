/**
 * One id for all calls of an upload, so that a call can be found in the service's and the storage's logs by what ours says. It goes
 * along by the asynchronous context: nothing between the uploader and a request has to hand it on.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

const context = new AsyncLocalStorage<string>()

/** Runs an upload, or something else that makes calls, under the id. */
export const withRequestId = <T>(id: string, run: () => Promise<T>): Promise<T> => context.run(id, run)

/** The id of the upload under way here; undefined outside of one. */
export const requestId = (): string | undefined => context.getStore()
