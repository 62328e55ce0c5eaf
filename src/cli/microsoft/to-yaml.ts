/** Our configuration for what Microsoft's collector was told, as YAML with a word on each thing that needs one. */
import { Document, type Scalar, type YAMLMap } from 'yaml'
import { type CollectorSettings, FTP_PORT, PASSIVE_PORTS, TCP_PORTS, UDP_PORTS } from './settings.ts'

/** Where secrets and the spool lie. */
export interface Places {
  /** File of the API token, or undefined when an Entra application is configured by the environment. */
  tokenFile: string
  ftpPasswordFile: string
  spoolDir: string
  adminListen: string
  adminTokenFile: string | undefined
  /** Credentials of an Entra application, which take the place of the token. */
  entra: { tenantId: string; clientId: string; clientSecretFile: string } | undefined
}

/** The YAML text. The same settings always give the same text. */
export function toYaml(settings: CollectorSettings, places: Places): string {
  const document = new Document({
    tenant: tenantOf(settings, places),
    receivers: receiversOf(settings, places),
    sources: sourcesOf(settings),
    spool: { dir: places.spoolDir },
    admin: { listen: places.adminListen, ...(places.adminTokenFile === undefined ? {} : { token_file: places.adminTokenFile }) }
  })
  document.commentBefore = ` Made of what Microsoft's log collector "${settings.collector}" was told.`
  const sources = (document.contents as YAMLMap<Scalar, unknown>).items.find(({ key }) => key.value === 'sources')!
  sources.key.commentBefore = ` One for each data source of the portal, called as there. Ports count from ${UDP_PORTS.first} (UDP) and ${TCP_PORTS.first} (TCP), in their order.`
  return document.toString({ lineWidth: 120 })
}

function tenantOf({ console, proxy }: CollectorSettings, { tokenFile, entra }: Places): object {
  const auth =
    entra === undefined
      ? { token_file: tokenFile }
      : { tenant_id: entra.tenantId, client_id: entra.clientId, client_secret_file: entra.clientSecretFile }
  return {
    url: `https://${console ?? 'TENANT.REGION.portal.cloudappsecurity.com'}`,
    auth,
    ...(proxy === undefined ? {} : { proxy: proxy.includes('://') ? proxy : `http://${proxy}` })
  }
}

/** A receiver for each syslog port; or FTP, with a directory for each data source. */
function receiversOf(settings: CollectorSettings, places: Places): object[] {
  if (settings.syslog)
    return portsOf(settings).map(({ protocol, port }) => ({
      type: 'syslog',
      name: `${protocol}-${port}`,
      protocols: [protocol],
      listen: `0.0.0.0:${port + settings.portOffset}`
    }))
  return [
    {
      type: 'ftp',
      listen: `0.0.0.0:${FTP_PORT + settings.portOffset}`,
      accounts: [{ name: 'discovery', password_file: places.ftpPasswordFile }],
      passive_port_min: PASSIVE_PORTS.first + settings.portOffset,
      passive_port_max: PASSIVE_PORTS.last + settings.portOffset,
      ...(settings.publicIp === undefined ? {} : { advertised_address: settings.publicIp })
    }
  ]
}

/** With several data sources each has the ports of its place in the list; one takes all. */
function sourcesOf({ dataSources, syslog, ...settings }: CollectorSettings): object[] {
  return dataSources.map(({ name, appliance }, index) => {
    if (!syslog || dataSources.length === 1) return { name, appliance }
    const own = portsOf(settings).filter(({ place }) => place === index)
    return { name, appliance, from: { receivers: own.map(({ protocol, port }) => `${protocol}-${port}`) } }
  })
}

interface SyslogPort {
  protocol: 'udp' | 'tcp'
  port: number
  /** Place among the ports of its protocol. */
  place: number
}

function portsOf({ udpPorts, tcpPorts }: Pick<CollectorSettings, 'udpPorts' | 'tcpPorts'>): SyslogPort[] {
  return [
    ...udpPorts.map((port, place): SyslogPort => ({ protocol: 'udp', port, place })),
    ...tcpPorts.map((port, place): SyslogPort => ({ protocol: 'tcp', port, place }))
  ]
}
