/**
 * The strings that the first upload call takes as `source`: 71 of them, from 53 appliances and formats. Stated in Microsoft's page
 * "Initiate file upload" (same in the copies of January 2025 and July 2026). A bare string means a file as the appliance exports it,
 * the `_SYSLOG` form the same lines with a syslog header in front.
 */

/** One row: what the string stands for and which of its two forms the service lists. */
export interface SourceString {
  /** The bare string; the syslog form is this with `_SYSLOG` behind it. */
  readonly base: string
  /** The upload call lists the bare form. */
  readonly file: boolean
  /** The upload call lists the `_SYSLOG` form. */
  readonly syslog: boolean
  /** Number of the file form in `logType` of the stream list, -1 when none is published. */
  readonly fileLogType: number
  /** Number of the syslog form in `logType`, -1 when none is published. */
  readonly syslogLogType: number
  readonly appliance: string
}

const row = (
  base: string,
  file: boolean,
  syslog: boolean,
  fileLogType: number,
  syslogLogType: number,
  appliance: string
): SourceString => ({
  base,
  file,
  syslog,
  fileLogType,
  syslogLogType,
  appliance
})

// biome-ignore format: a table
export const SOURCE_STRINGS: readonly SourceString[] = [
  row('BARRACUDA', true, true, 101, 166, 'Barracuda Web App Firewall'),
  row('BARRACUDA_NEXT_GEN_FW', true, false, 191, 192, 'Barracuda CloudGen/NextGen F-Series firewall'),
  row('BARRACUDA_NEXT_GEN_FW_WEBLOG', true, false, 193, 194, 'Barracuda F-Series, web log streaming'),
  row('BLUECOAT', true, true, 102, 139, 'Blue Coat / Symantec ProxySG access log'),
  row('CHECKPOINT', true, false, 103, 140, 'Check Point (log export)'),
  row('CHECKPOINT_CEF', false, true, 218, 219, 'Check Point Log Exporter'),
  row('CHECKPOINT_SMART_VIEW_TRACKER', true, false, 189, 190, 'Check Point SmartView Tracker export'),
  row('CHECKPOINT_XML', true, false, 187, 188, 'Check Point'),
  row('CISCO_ASA', true, true, 104, 141, 'Cisco ASA firewall (level 6, informational)'),
  row('CISCO_ASA_FIREPOWER', false, true, 177, 178, 'Cisco ASA with FirePOWER'),
  row('CISCO_FIREPOWER_V6', false, true, 222, 223, 'Cisco Firepower 6+'),
  row('CISCO_FWSM', true, true, 157, 158, 'Cisco FWSM'),
  row('CISCO_IRONPORT_PROXY', true, true, 106, 133, 'Cisco IronPort WSA, squid-like access log'),
  row('CISCO_IRONPORT_WSA_II', true, false, 206, 207, 'Cisco IronPort WSA, second layout'),
  row('CISCO_IRONPORT_WSA_III', true, false, 216, 217, 'Cisco IronPort WSA, third layout'),
  row('CISCO_SCAN_SAFE', true, false, 124, 142, 'Cisco Cloud Web Security (ScanSafe)'),
  row('CLAVISTER', false, true, 164, 165, 'Clavister NGFW'),
  row('CONTENTKEEPER', false, true, 214, 215, 'ContentKeeper'),
  row('CORRATA', true, false, 220, 221, 'Corrata'),
  row('FORCEPOINT', true, false, 202, 203, 'Forcepoint Web Security Cloud (< 8.5)'),
  row('FORCEPOINT_LEEF', false, true, 210, 211, 'Forcepoint'),
  row('FORTIGATE', true, true, 108, 136, 'Fortinet FortiGate'),
  row('FORTIOS', false, true, 204, 205, 'Fortinet FortiOS (newer layout)'),
  row('GENERIC_CEF', true, true, 179, 180, 'any, normalised'),
  row('GENERIC_LEEF', true, true, 181, 182, 'any, normalised'),
  row('GENERIC_W3C', true, true, 183, 184, 'any, normalised'),
  row('IBOSS', true, false, 200, 201, 'iboss Secure Cloud Gateway'),
  row('I_FILTER', true, true, 185, 186, 'Digital Arts i-FILTER'),
  row('JUNIPER_SRX', false, true, 129, 147, 'Juniper SRX (RT_FLOW text)'),
  row('JUNIPER_SRX_SD', false, true, 172, 173, 'Juniper SRX structured data'),
  row('JUNIPER_SRX_WELF', false, true, 174, 175, 'Juniper SRX WELF'),
  row('JUNIPER_SSG', false, true, 168, 169, 'Juniper SSG (ScreenOS)'),
  row('MACHINE_ZONE_MERAKI', true, true, 153, 154, 'Cisco Meraki URL log'),
  row('MCAFEE_SWG', true, true, 121, 144, 'McAfee / Skyhigh Secure Web Gateway'),
  row('MENLO_SECURITY_CEF', true, false, 224, -1, 'Menlo Security'),
  row('MICROSOFT_ISA_W3C', true, false, 159, 161, 'Forefront TMG / ISA'),
  row('OPEN_SYSTEMS_SECURE_WEB_GATEWAY', true, false, -1, -1, 'Open Systems Secure Web Gateway'),
  row('PALO_ALTO', true, true, 112, 126, 'Palo Alto Networks PAN-OS'),
  row('PALO_ALTO_LEEF', true, true, 208, 209, 'Palo Alto Networks'),
  row('SONICWALL', false, true, 113, 160, 'SonicWall'),
  row('SOPHOS_CYBEROAM', false, true, 162, 163, 'Sophos Cyberoam'),
  row('SOPHOS_SG', true, true, 130, 148, 'Sophos SG (UTM)'),
  row('SOPHOS_XG', true, true, 198, 199, 'Sophos XG / Firewall'),
  row('SQUID', true, false, 114, 146, 'Squid, Common log'),
  row('SQUID_NATIVE', true, true, 155, 156, 'Squid, native access.log'),
  row('STORMSHIELD', false, true, 212, 213, 'Stormshield SNS'),
  row('WANDERA', false, true, -1, -1, 'Wandera (Jamf)'),
  row('WATCHGUARD_XTM', false, true, 225, 226, 'WatchGuard Firebox / XTM'),
  row('WEBSENSE_SIEM_CEF', false, true, 138, 152, 'Websense / Forcepoint internet activity log'),
  row('WEBSENSE_V7_5', true, false, 135, 151, 'Websense investigative detail report'),
  row('ZSCALER', true, true, 120, 143, 'Zscaler ZIA, default CSV'),
  row('ZSCALER_CEF', false, true, 196, 197, 'Zscaler ZIA'),
  row('ZSCALER_QRADAR', false, true, 170, 171, 'Zscaler ZIA, QRadar feed')
]

/**
 * The parser that an administrator attached to the data source. It was in Microsoft's list of 2021 and is gone from the newest one,
 * which does not say what to send instead; so it is a setting, and the local tenant takes it.
 */
export const CUSTOM_PARSER = 'CUSTOM_PARSER'
const CUSTOM_PARSER_LOG_TYPE = 167

/** Each listed string with its number in `logType` (-1 when none is published). */
export const LOG_TYPES: ReadonlyMap<string, number> = new Map<string, number>([
  ...SOURCE_STRINGS.filter(entry => entry.file).map(entry => [entry.base, entry.fileLogType] as const),
  ...SOURCE_STRINGS.filter(entry => entry.syslog).map(entry => [`${entry.base}_SYSLOG`, entry.syslogLogType] as const)
])

/** True for the 71 listed strings and for CUSTOM_PARSER. */
export const isKnownSourceString = (text: string): boolean => text === CUSTOM_PARSER || LOG_TYPES.has(text)

/** Number that the stream list shows for a source string, -1 when none is known. */
export const logTypeOf = (text: string): number => (text === CUSTOM_PARSER ? CUSTOM_PARSER_LOG_TYPE : (LOG_TYPES.get(text) ?? -1))

/** Name of a data source as two independent clients of the service check it. */
export const STREAM_NAME_PATTERN: RegExp = /^[A-Za-z0-9_-]{1,64}$/

/** Source string for each format that Sluice writes itself; `raw` has none, it needs the appliance's own string. */
export const FORMAT_SOURCE_STRINGS = { cef: 'GENERIC_CEF', leef: 'GENERIC_LEEF', w3c: 'GENERIC_W3C', csv: CUSTOM_PARSER } as const
