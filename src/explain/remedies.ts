/**
 * What to change on an appliance when an attribute is missing or a rule is broken, where the vendor's way is known. Sources: the
 * vendors' guides as far as public; a row names the setting, not the click path, since those move between releases.
 */

import type { Attribute } from '../process/attributes.ts'

/** What a report loses without the attribute (Cloud Discovery's own words for what it needs it for). */
const COST: Readonly<Record<Attribute, string>> = {
  user: 'no view per user, and no matching of names with Entra users',
  device: 'no view per machine',
  dstIp: 'apps are matched by host name only',
  dstHost: 'apps on shared addresses are not told apart',
  url: 'apps on shared addresses are not told apart',
  uploadedBytes: 'alerts on unusual uploads do not work',
  downloadedBytes: 'no traffic by direction',
  totalBytes: 'the ranking of apps by traffic is empty',
  action: 'everything counts as allowed'
}

/** What a report loses without the attribute; a total can be made of one direction, which `isThere` says. */
export function costOf(attribute: Attribute, isThere: (attribute: Attribute) => boolean): string {
  if (attribute === 'totalBytes' && (isThere('uploadedBytes') || isThere('downloadedBytes')))
    return 'the ranking of apps by traffic knows one direction only'
  return COST[attribute]
}

const REMEDIES: Readonly<Record<string, Partial<Record<Attribute, string>>>> = {
  'fortinet-fortigate': {
    user: 'use firewall authentication or FSSO on the policy, so that the log has user=',
    url: 'switch on a web filter profile with log-all-url, so that utm webfilter lines name host and URL',
    dstHost: 'switch on a web filter profile with log-all-url, so that utm webfilter lines name host and URL',
    totalBytes: 'set logtraffic all on the policies: only closed sessions carry bytes'
  },
  paloalto: {
    user: 'switch on User-ID for the zone',
    url: 'forward THREAT logs of subtype url as well (URL Filtering profile with action alert)',
    totalBytes: 'set Log at Session End on the rules'
  },
  'cisco-asa': {
    totalBytes: 'set logging trap informational (level 6): teardown messages 302014 and 302016 carry the bytes',
    url: 'switch on HTTP inspection, which logs 304001',
    user: 'use identity firewall or AAA, which add the name to connection messages',
    uploadedBytes: 'the appliance never splits the bytes by direction'
  },
  'cisco-ftd': {
    totalBytes: 'log at the end of the connection (message 430003)',
    url: 'log at the end of the connection and use a URL rule'
  },
  'cisco-wsa': { uploadedBytes: 'add %q (request size) to the access log' },
  'cisco-meraki': {
    user: 'the appliance never logs names',
    uploadedBytes: 'the appliance never logs bytes',
    downloadedBytes: 'the appliance never logs bytes',
    totalBytes: 'the appliance never logs bytes'
  },
  checkpoint: {
    totalBytes: 'set Track to Log with Accounting on the rules',
    user: 'switch on Identity Awareness',
    url: 'switch on URL Filtering logs'
  },
  'juniper-srx': { totalBytes: 'set session-close logging on the policy', user: 'use user identification (source-identity)' },
  'squid-native': {
    uploadedBytes: 'add %>st (request size) to logformat',
    user: 'switch on proxy authentication',
    dstIp: 'log %<a of the server, not of a parent'
  },
  'squid-common': { uploadedBytes: 'add %>st (request size) to logformat', user: 'switch on proxy authentication' },
  sonicwall: { totalBytes: 'log connection closed (m=537)', user: 'switch on single sign-on' },
  'sophos-utm': { uploadedBytes: 'the appliance never logs uploaded bytes' },
  'zscaler-nss': {
    user: 'put login into the feed output format',
    uploadedBytes: 'put reqsize into the feed output format',
    url: 'put eurl into the feed output format'
  },
  menlo: { totalBytes: 'the web log has no bytes; the bandwidth log has' }
}

export const remedyFor = (parser: string, attribute: Attribute): string | undefined => REMEDIES[parser]?.[attribute]

/** Settings that mend lines which gave no record (by their reason), times that are wrong, and logs without outbound traffic. */
const ZSCALER_TIMES = 'put epochtime into the feed output format: the other times are in the time zone of the organisation'
const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'bluecoat-proxysg': { no_header: 'over syslog #Fields comes once: give the source that line as template.w3c_fields' },
  checkpoint: { internal: 'set Track to Log on the rules that lead to the internet' },
  'cisco-asa': {
    bad_time: 'switch on logging timestamp',
    too_old: 'logging timestamp rfc5424 writes year and zone',
    in_future: 'logging timestamp rfc5424 writes year and zone',
    internal: 'set logging trap informational (level 6): connections to the internet are logged by 302013 to 302016'
  },
  'cisco-wsa': { bad_syntax: 'a syslog push over UDP cuts lines at 1,024 bytes: push the access log by FTP or SCP' },
  'fortinet-fortigate': {
    bad_syntax: 'set mode reliable under config log syslogd setting: UDP cuts long lines',
    internal: 'set logtraffic all on the policies that lead to the internet'
  },
  'juniper-srx': { internal: 'set session-close logging on the policies that lead to the internet' },
  paloalto: {
    short_row: 'choose TCP or SSL in the syslog server profile: UDP cuts long lines',
    internal: 'set Log at Session End on the rules that lead to the internet'
  },
  sonicwall: { too_old: 'switch on UTC times in the syslog settings', in_future: 'switch on UTC times in the syslog settings' },
  'squid-native': { no_source: 'log %>a, the address of the client' },
  'squid-common': { no_source: 'log %>a, the address of the client' },
  'zscaler-nss': {
    bad_syntax: 'set the feed escape character to ,\\", so that quotes and backslashes in values do not break the format',
    bad_time: ZSCALER_TIMES,
    too_old: ZSCALER_TIMES,
    in_future: ZSCALER_TIMES,
    no_source: 'put cip into the feed output format',
    no_destination: 'put ehost and eurl into the feed output format'
  }
}

/** The setting on the appliance that mends a reason, where one is known. */
export const settingFor = (parser: string, reason: string): string | undefined => SETTINGS[parser]?.[reason]

/** What to do about frames of a known appliance that gave no record. */
export const REASON_REMEDIES: Readonly<Record<string, string>> = {
  bad_time: 'the event time is missing or unreadable: check the time format, and give the source its time_zone',
  no_source: 'no client address was found: check the field list of the log format',
  no_destination: 'no host, URL or server address was found: check the field list of the log format',
  bad_syntax: 'the line is cut or not of this format: over UDP, long lines are cut by many senders; use TCP',
  short_row: 'the row has too few columns: the column list was changed, or the line was cut',
  no_header: 'rows came before their #Fields or header line: give the columns in the configuration, or let the sender repeat the header',
  unidentified: 'no parser knows the line: name the appliance in the configuration, or send a log format from the list of appliances'
}
