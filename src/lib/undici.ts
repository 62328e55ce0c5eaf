/**
 * The parts of undici that connect and ask. Its index loads a fetch, WebSocket, caches and mocks besides: 2 MB of heap that nobody here
 * uses. The package names no exports, so its files can be asked for; the test of this module says when a version moves them.
 */
import { createRequire } from 'node:module'
import type undici from 'undici'

const require = createRequire(import.meta.url)

export const Agent = require('undici/lib/dispatcher/agent.js') as typeof undici.Agent
export const EnvHttpProxyAgent = require('undici/lib/dispatcher/env-http-proxy-agent.js') as typeof undici.EnvHttpProxyAgent

// As the index does it: every dispatcher gets `request` and its like.
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js') as typeof undici.Dispatcher
Object.assign(Dispatcher.prototype, require('undici/lib/api/index.js'))
