/** Storage hosts by data center, as Microsoft's page on network requirements lists them (cloud-discovery 1.3). */
const AZURE = 'blob.core.windows.net'
const GOVERNMENT = 'blob.core.usgovcloudapi.net'

/** By the end of the tenant's host name. */
const HOSTS: readonly [suffix: string, host: string][] = [
  ['.us1.portal.cloudappsecurity.us', `gprd1usgvconsole1.${GOVERNMENT}`],
  ['.us1.portal.cloudappsecuritygov.com', `gccm1usgvconsole1.${GOVERNMENT}`],
  ['.us.portal.cloudappsecurity.com', `adaprodconsole.${AZURE}`],
  ['.us2.portal.cloudappsecurity.com', `prod03use2console1.${AZURE}`],
  ['.us3.portal.cloudappsecurity.com', `prod5usw2console1.${AZURE}`],
  ['.eu.portal.cloudappsecurity.com', `prod02euwconsole1.${AZURE}`],
  ['.eu2.portal.cloudappsecurity.com', `prod4uksconsole1.${AZURE}`]
]

/** Where files of a tenant most likely go; undefined when its host name does not say the data center. */
export const storageHostOf = (tenantHost: string): string | undefined => HOSTS.find(([suffix]) => tenantHost.endsWith(suffix))?.[1]
