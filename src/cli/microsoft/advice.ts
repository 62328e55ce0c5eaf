/** What Microsoft's collector fetches from the portal and we cannot, and what to set instead. For logs and the end of `sluice convert`. */
import type { CollectorSettings } from './settings.ts'

/** One sentence per thing a person should know; `isNamed` says that the data sources were named. */
export function adviceFor(settings: CollectorSettings, isNamed: boolean): string[] {
  const found: string[] = []
  if (!isNamed)
    found.push(
      `The token of the run command cannot fetch the list of data sources from the portal, so all logs go to the data source ${JSON.stringify(settings.dataSources[0]!.name)}. Name those of the portal, in their order: SLUICE_DATA_SOURCES=HQ=fortinet-fortigate,Branch (an appliance may follow each name; without it lines are recognised by their bytes).`
    )
  found.push(
    'The token was issued for Microsoft\'s collector. It is used as an API token here; should the tenant refuse it (status shows the pause "auth"), make an API token in the portal (Settings, Cloud Apps, API tokens) and give it as SLUICE_TOKEN_FILE, or better an Entra application with Discovery.manage: SLUICE_TENANT_ID, SLUICE_CLIENT_ID and SLUICE_CLIENT_SECRET_FILE.'
  )
  if (settings.console === undefined)
    found.push('CONSOLE, the host of the tenant, is not given: set it, as the portal shows it under About.')
  if (settings.dataSources.length > 1 && settings.syslog) {
    const places = Math.max(settings.udpPorts.length, settings.tcpPorts.length)
    if (places > settings.dataSources.length)
      found.push(
        `${places} ports are published for ${settings.dataSources.length} data sources; what comes in at the others belongs to none.`
      )
  }
  return found
}
