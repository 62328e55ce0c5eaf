/** Hot path: once per record. What is taken out of a record before it is written anywhere. */
import { marksOf } from '../lib/marks.ts'
import { View } from '../lib/view.ts'
import { type RecordFields, URL, USER } from '../record.ts'

export interface PrivacyOptions {
  /** Cut URLs at the question mark. */
  stripQuery: boolean
  userFormat: 'asIs' | 'upn' | 'name'
  /** For `upn`: mail domain by NetBIOS domain, in upper case. */
  userDomains: Readonly<Record<string, string>>
}

export class Privacy {
  readonly #options: PrivacyOptions

  constructor(options: PrivacyOptions) {
    this.#options = options
  }

  apply(record: RecordFields): void {
    if (this.#options.stripQuery && record.start[URL]! >= 0) stripQuery(record)
    if (this.#options.userFormat !== 'asIs' && record.start[USER]! >= 0) this.#formatUser(record)
  }

  #formatUser(record: RecordFields): void {
    const user = record.text(USER)!
    const formatted = formatUser(user, this.#options.userFormat, this.#options.userDomains)
    if (formatted !== user) record.setText(USER, formatted)
  }
}

const views = new View()

function stripQuery(record: RecordFields): void {
  const { buf } = record
  const end = record.end[URL]!
  if (record.urlQuery >= 0) {
    record.end[URL] = Math.min(end, record.urlQuery)
    return
  }
  const view = views.of(buf)
  let at = record.start[URL]!
  while (at + 4 <= end && marksOf(view.getInt32(at, true), 0x3f) === 0) at += 4
  while (at < end && buf[at] !== 0x3f) at++
  record.end[URL] = at
}

/**
 * `CONTOSO\bob` as `bob` (name) or `bob@contoso.example` (upn, when the domain is mapped); `LDAP://…CN=Bob Jones,OU=…` as
 * `Bob Jones`; a mail address keeps its form for upn and loses its domain for name. What fits no form stays.
 */
export function formatUser(user: string, format: PrivacyOptions['userFormat'], domains: Readonly<Record<string, string>>): string {
  const directory = /(?:^|[/,])CN=((?:\\.|[^,\\])+)/i.exec(user)
  if (directory !== null && /^(LDAP:\/\/|CN=)/i.test(user)) return directory[1]!.replace(/\\(.)/g, '$1')
  const backslash = user.indexOf('\\')
  if (backslash > 0) {
    const name = user.slice(user.lastIndexOf('\\') + 1)
    if (format === 'name') return name
    const domain = domains[user.slice(0, backslash).toUpperCase()]
    return domain === undefined ? user : `${name}@${domain}`
  }
  const at = user.indexOf('@')
  return format === 'name' && at > 0 ? user.slice(0, at) : user
}
