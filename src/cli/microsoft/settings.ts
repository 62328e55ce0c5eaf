/**
 * What the run command of Microsoft's log collector says: the variables of its container, the ports it publishes. Names and meanings
 * as its set-up page prints them (Microsoft Learn, "Configure automatic log upload", read July 2026).
 */
import { UsageError } from '../verb.ts'

/** First and last port of the ranges that Microsoft's collector listens on: one port per data source, from the first on. */
export const UDP_PORTS = { first: 514, last: 600 } as const
export const TCP_PORTS = { first: 601, last: 700 } as const
export const FTP_PORT = 21
export const PASSIVE_PORTS = { first: 20_000, last: 20_099 } as const

/** As many data sources as one of Microsoft's collectors serves (Microsoft Learn, 2024). */
const DATA_SOURCES_MAX = 10
/** The passive ports of FTP end at 20099. */
const PORT_OFFSET_MAX = 45_000

/** A data source as SLUICE_DATA_SOURCES names it. */
export interface DataSource {
  name: string
  /** Id of an appliance, or `auto`. */
  appliance: string
}

export interface CollectorSettings {
  /** Name of the collector in the portal. */
  collector: string
  /** Host of the tenant; undefined when the command names none. */
  console: string | undefined
  /** Address that FTP clients reach. */
  publicIp: string | undefined
  /** `host:port`, or a URL. */
  proxy: string | undefined
  /** Syslog is received; else files by FTP. */
  syslog: boolean
  /** By SLUICE_DATA_SOURCES, or one that is called as the collector: the command does not name them. */
  dataSources: DataSource[]
  /** Ports to take syslog at, in order. */
  udpPorts: number[]
  tcpPorts: number[]
  /** Added to each port that is listened to, for hosts where those below 1024 cannot be had. */
  portOffset: number
}

/** `'192.0.2.1'` in quotes, as the portal prints it, is the address itself. */
const unquoted = (value: string | undefined): string | undefined => {
  const text = value
    ?.trim()
    .replace(/^(['"])(.*)\1$/, '$2')
    .trim()
  return text === '' ? undefined : text
}

/** Reads the variables of the container. Throws UsageError for what cannot be meant. */
export function settingsOf(variables: Readonly<Record<string, string | undefined>>): CollectorSettings {
  const syslog = unquoted(variables.SYSLOG)?.toLowerCase() ?? 'true'
  if (syslog !== 'true' && syslog !== 'false') throw new UsageError(`SYSLOG is ${JSON.stringify(syslog)}; it is true or false`)
  const collector = unquoted(variables.COLLECTOR) ?? 'sluice'
  const named = unquoted(variables.SLUICE_DATA_SOURCES)
  const dataSources = dataSourcesOf(named, collector)
  // From within the container nobody sees which ports are published, so all that a collector may have are listened to.
  const count = named === undefined ? DATA_SOURCES_MAX : dataSources.length
  return {
    collector,
    console: unquoted(variables.CONSOLE)
      ?.replace(/^https?:\/\//i, '')
      .replace(/\/.*$/, ''),
    publicIp: unquoted(variables.PUBLICIP),
    proxy: unquoted(variables.PROXY),
    syslog: syslog === 'true',
    dataSources,
    udpPorts: portsFrom(UDP_PORTS.first, count),
    tcpPorts: portsFrom(TCP_PORTS.first, count),
    portOffset: offsetOf(unquoted(variables.SLUICE_PORT_OFFSET))
  }
}

function offsetOf(text: string | undefined): number {
  const offset = Number(text ?? 0)
  if (!(Number.isInteger(offset) && offset >= 0 && offset <= PORT_OFFSET_MAX))
    throw new UsageError(`SLUICE_PORT_OFFSET is ${JSON.stringify(text)}; it is a number from 0 to ${PORT_OFFSET_MAX}`)
  return offset
}

const portsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index)

/** `HQ=fortinet-fortigate, Branch`; without it one data source that is called as the collector. */
function dataSourcesOf(text: string | undefined, collector: string): DataSource[] {
  if (text === undefined) return [{ name: fileSafe(collector), appliance: 'auto' }]
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const [name = '', appliance = 'auto'] = part.split('=', 2).map(word => word.trim())
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
        throw new UsageError(`SLUICE_DATA_SOURCES: ${JSON.stringify(name)} is no name of a data source: 1 to 64 letters, digits, _ and -`)
      return { name, appliance }
    })
}

const fileSafe = (name: string): string => name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 64)
