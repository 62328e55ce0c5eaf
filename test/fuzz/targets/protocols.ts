/** What peers say before and around their lines: RELP, the control connection of FTP, the PROXY protocol. */

import { isIP, type Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Intake } from '../../../src/contracts.ts'
import { ControlConnection } from '../../../src/receivers/ftp-control.ts'
import { parseProxyHeader } from '../../../src/receivers/proxy-protocol.ts'
import { formatRelpFrame, parseRelpFrame } from '../../../src/receivers/relp-frame.ts'
import { RelpSession } from '../../../src/receivers/relp-session.ts'
import { cutAtRandom, type FuzzTarget, same } from '../target.ts'

/** A socket without a network. */
function socketPair(): [client: Duplex, server: Socket] {
  const [client, server] = duplexPair()
  Object.assign(server, {
    setTimeout: () => server,
    setNoDelay: () => server,
    destroySoon: () => void server.destroy()
  })
  return [client, server as unknown as Socket]
}

/** Writes the chunks one by one and gives the other side turns to answer. */
async function talk(client: Duplex, chunks: readonly Buffer[]): Promise<string> {
  let answer = ''
  client.on('data', chunk => {
    answer += (chunk as Buffer).toString('latin1')
  })
  client.on('error', () => undefined)
  for (const chunk of chunks) {
    if (client.destroyed || client.writableEnded) break
    client.write(chunk)
    await nextTurn()
  }
  for (let turn = 0; turn < 5; turn++) await nextTurn()
  return answer
}

async function relp(chunks: readonly Buffer[]): Promise<{ frames: string; answered: number }> {
  const [client, server] = socketPair()
  let frames = ''
  const intake: Intake = {
    accept: chunk => {
      frames += Buffer.from(chunk).toString('latin1')
      return undefined
    },
    commit: async () => undefined,
    end: async () => undefined,
    abort: () => undefined,
    debtMs: () => 0
  }
  const own = { protocol_errors_total: 0, answered_total: 0 }
  const session = new RelpSession(server, {
    idleTimeoutMs: 0,
    openIntake: () => intake,
    room: () => undefined,
    shared: {
      received_bytes_total: 0,
      aborted_total: 0,
      commit_failed_total: 0,
      pauses_total: 0,
      empty_connections_total: 0,
      idle_closed_total: 0
    },
    own,
    pausedBy: () => undefined,
    debug: () => undefined
  })
  await talk(client, chunks)
  client.destroy()
  server.destroy()
  await session.finished
  return { frames, answered: own.answered_total }
}

const OPEN = formatRelpFrame(1, 'open', 'relp_version=0\nrelp_software=x\ncommands=syslog')

const relpTarget: FuzzTarget = {
  name: 'protocol-relp',
  maxBytes: 60_000,
  tokens: [OPEN, '2 syslog 5 hello\n', '3 close 0\n', ' syslog 999999999 ', '0 serverclose 0\n', '1 open 0\n', ' 262145 '],
  seeds: () => [
    Buffer.from(
      OPEN + formatRelpFrame(2, 'syslog', '<13>one') + formatRelpFrame(3, 'syslog', '<13>two\nlines') + formatRelpFrame(4, 'close')
    ),
    Buffer.from(formatRelpFrame(2, 'syslog', 'not opened')),
    Buffer.from(`${OPEN}2 syslog 0\n3 syslog 3 a\nb\n`)
  ],
  async check(input, chance) {
    for (let at = 0; at <= Math.min(input.length, 60); at++) {
      const partial = parseRelpFrame(input.subarray(0, at), 0)
      const whole = parseRelpFrame(input, 0)
      if (partial === 'broken' && whole !== 'broken') throw new Error(`broken after ${at} bytes, and then not`)
      if (typeof partial === 'object') same('a frame that was whole', whole, partial)
    }
    const whole = await relp([input])
    same('RELP that is cut', (await relp(cutAtRandom(input, chance))).frames, whole.frames)
  }
}

const ftpTarget: FuzzTarget = {
  name: 'protocol-ftp-control',
  maxBytes: 12_000,
  tokens: [
    'USER a\r\n',
    'PASS b\r\n',
    'STOR ../../x\r\n',
    'ABOR\r\n',
    '\xff\xf4\xff\xf2',
    '\r',
    '\n',
    '\0',
    'PORT 1,2,3,4,5,6\r\n',
    'EPSV ALL\r\n'
  ],
  seeds: () => [
    Buffer.from('USER discovery\r\nPASS secret\r\nTYPE I\r\nEPSV\r\nSTOR HQ/a.log.gz\r\nQUIT\r\n'),
    Buffer.from('AUTH TLS\r\nPBSZ 0\r\nPROT P\r\n'),
    Buffer.from('\xff\xf4\xff\xf2ABOR\r\nCWD /\r\nMKD ä\r\n', 'latin1')
  ],
  async check(input, chance) {
    const commands = async (chunks: readonly Buffer[]): Promise<string[]> => {
      const [client, server] = socketPair()
      const heard: string[] = []
      const connection = new ControlConnection(server, {
        onCommand: async (verb, argument) => {
          if (/[\r\n]/.test(argument.replace(/\r/g, '')) || !/^[A-Z]*$/.test(verb))
            throw new Error(`command ${JSON.stringify([verb, argument])}`)
          heard.push(`${verb} ${argument}`)
          connection.reply(200, 'Fine.')
        },
        onUrgent: verb => void heard.push(`${verb} `),
        onGone: () => undefined
      })
      const answer = await talk(client, chunks)
      if (!/^(?:\d{3}[ -][^\r\n]*\r\n)*$/.test(answer)) throw new Error(`replies ${JSON.stringify(answer.slice(-200))}`)
      client.destroy()
      server.destroy()
      return heard
    }
    const whole = await commands([input])
    // Commands that are sent far ahead are refused, and how far ahead depends on the cut; ABOR and STAT pass those that wait.
    const lines = input.toString('latin1').split('\n')
    if (lines.length > 60 || lines.some(line => line.length > 4000) || /ABOR|STAT/i.test(input.toString('latin1'))) return
    same('commands that are cut', await commands(cutAtRandom(input, chance)), whole)
  }
}

const V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

const proxyTarget: FuzzTarget = {
  name: 'protocol-proxy',
  maxBytes: 6000,
  tokens: ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN', '\r\n', ' 65536 ', '::1 '],
  seeds: () => [
    Buffer.from('PROXY TCP4 192.0.2.1 203.0.113.1 50000 514\r\n<13>hello\n'),
    Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 50000 514\r\n'),
    Buffer.from('PROXY UNKNOWN\r\n'),
    Buffer.concat([V2, Buffer.from('2111000cc0000201cb007101c3500202', 'hex'), Buffer.from('<13>hello\n')]),
    Buffer.concat([V2, Buffer.from('21210024', 'hex'), Buffer.alloc(36, 1)]),
    Buffer.concat([V2, Buffer.from('20000000', 'hex')])
  ],
  check(input) {
    const whole = parseProxyHeader(input)
    if (typeof whole === 'object') {
      if (whole.length > input.length || whole.length < 8) throw new Error(`a header of ${whole.length} bytes`)
      if (whole.address !== undefined && isIP(whole.address) === 0) throw new Error(`address ${whole.address}`)
    }
    for (let at = 0; at <= Math.min(input.length, 200); at++) {
      const partial = parseProxyHeader(input.subarray(0, at))
      if (partial === 'invalid' && whole !== 'invalid') throw new Error(`invalid after ${at} bytes, and then not`)
      if (typeof partial === 'object') same('a header that was whole', whole, partial)
    }
  }
}

export const protocolTargets: readonly FuzzTarget[] = [relpTarget, ftpTarget, proxyTarget]
