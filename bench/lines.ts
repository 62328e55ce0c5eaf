/** Made-up log lines with the variety of real ones: users, hosts, addresses, ports and sizes differ from line to line. */

/** A small deterministic generator, so that runs compare (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const LINE_KINDS = ['fortinet-fortigate', 'paloalto', 'zscaler-leef', 'cef', 'squid-native', 'zscaler-json'] as const
export type LineKind = (typeof LINE_KINDS)[number]

/** About `bytes` of lines of one kind, each ending in a line feed; event times lie in the last hour. */
export function makeLines(kind: LineKind, bytes: number, seed = 1): Buffer {
  const next = random(seed)
  const now = Date.now()
  const lines: string[] = []
  for (let size = 0, count = 0; size < bytes; count++) {
    const line = `${MAKERS[kind](next, now - Math.floor(next() * 3_600_000), count)}\n`
    lines.push(line)
    size += line.length
  }
  return Buffer.from(lines.join(''))
}

/** About `bytes` of lines of all kinds, as many of each, in no order: what a relay sends over one connection. */
export function makeMix(bytes: number, seed = 1): Buffer {
  const next = random(seed)
  const now = Date.now()
  const lines: string[] = []
  for (let size = 0, count = 0; size < bytes; count++) {
    const kind = LINE_KINDS[pick(next, LINE_KINDS.length)]!
    const line = `${MAKERS[kind](next, now - Math.floor(next() * 3_600_000), count)}\n`
    lines.push(line)
    size += line.length
  }
  return Buffer.from(lines.join(''))
}

/** The same lines, all as long as the longest: the name of the appliance is filled up. */
export function equalLines(lines: Buffer): Buffer {
  const each = lines.toString('latin1').trimEnd().split('\n')
  const longest = Math.max(...each.map(line => line.length))
  const filled = each.map(line => line.replace('FGT-HQ-01', name => name.padEnd(name.length + longest - line.length, '0')))
  return Buffer.from(`${filled.join('\n')}\n`, 'latin1')
}

type Maker = (next: () => number, time: number, count: number) => string

const pick = (next: () => number, below: number): number => Math.floor(next() * below)
const ip = (next: () => number): string => `10.${pick(next, 8)}.${pick(next, 256)}.${1 + pick(next, 254)}`
const server = (next: () => number): string => `203.0.113.${1 + pick(next, 254)}`
const user = (next: () => number): string => `user${pick(next, 5000)}@contoso.example`
const host = (next: () => number): string => `app${pick(next, 3000)}.example.com`
const size = (next: () => number): number => Math.floor(10 ** (2 + next() * 5))
const two = (value: number): string => String(value).padStart(2, '0')
const clock = (time: number): { date: string; time: string } => {
  const iso = new Date(time).toISOString()
  return { date: iso.slice(0, 10), time: iso.slice(11, 19) }
}
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const monthTime = (time: number): string => {
  const date = new Date(time)
  return `${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())} ${date.getUTCFullYear()} ${clock(time).time}`
}

const MAKERS: Record<LineKind, Maker> = {
  'fortinet-fortigate': (next, time, count) => {
    const at = clock(time)
    return `<189>date=${at.date} time=${at.time} devname="FGT-HQ-01" devid="FG100FTK20001234" eventtime=${Math.floor(time / 1000)}${String(pick(next, 1e9)).padStart(9, '0')} tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=${ip(next)} srcname="LT-${pick(next, 9000)}" srcport=${1024 + pick(next, 60000)} srcintf="port2" srcintfrole="lan" dstip=${server(next)} dstport=443 dstintf="wan1" dstintfrole="wan" srccountry="Reserved" dstcountry="United States" sessionid=${1000000 + count} proto=6 action="${next() < 0.9 ? 'close' : 'deny'}" policyid=${pick(next, 200)} policytype="policy" poluuid="d9b1a1c4-1f3a-51ea-8a2b-${String(pick(next, 1e12)).padStart(12, '0')}" policyname="Internet access" user="${user(next)}" group="Domain Users" authserver="FSSO" service="HTTPS" trandisp="snat" transip=198.51.100.7 transport=${1024 + pick(next, 60000)} appid=${pick(next, 50000)} app="HTTPS.BROWSER" appcat="Web.Client" apprisk="medium" applist="default" duration=${pick(next, 600)} sentbyte=${size(next)} rcvdbyte=${size(next)} sentpkt=${pick(next, 500)} rcvdpkt=${pick(next, 500)} hostname="${host(next)}" utmaction="allow" countapp=1`
  },
  paloalto: (next, time, count) => {
    const at = clock(time)
    const stamp = `${at.date.replaceAll('-', '/')} ${at.time}`
    const up = size(next)
    const down = size(next)
    return `<14>${MONTHS[new Date(time).getUTCMonth()]} ${two(new Date(time).getUTCDate())} ${at.time} PA-3220 1,${stamp},013201012345,TRAFFIC,end,2560,${stamp},${ip(next)},${server(next)},198.51.100.7,${server(next)},Allow-Web,contoso\\user${pick(next, 5000)},,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,Log-Forward,${stamp},${count},1,${1024 + pick(next, 60000)},443,${1024 + pick(next, 60000)},443,0x400053,tcp,allow,${up + down},${up},${down},${pick(next, 900)},${stamp},${pick(next, 600)},any,0,${7000000000 + count},0x8000000000000000,10.0.0.0-10.255.255.255,United States,0,${pick(next, 500)},${pick(next, 500)},tcp-fin,0,0,0,0,,PA-3220,from-policy,,,0,,0,,N/A,0,0,0,0,d9b1a1c4-1f3a-51ea-8a2b-0123456789ab,0,0,,,,,,,`
  },
  'zscaler-leef': (next, time) =>
    `${monthTime(time).slice(0, 6)} ${clock(time).time} zscaler-nss: LEEF:1.0|Zscaler|NSS|4.1|Allowed|cat=Allowed\tdevTime=${monthTime(time)} GMT\tdevTimeFormat=MMM dd yyyy HH:mm:ss z\tsrc=${ip(next)}\tdst=${server(next)}\tsrcPostNAT=198.51.100.7\trealm=HQ\tusrName=${user(next)}\tsrcBytes=${size(next)}\tdstBytes=${size(next)}\trole=Engineering\tpolicy=Allowed\turl=${host(next)}/path/${pick(next, 1e6)}/index.html\trecordid=${pick(next, 1e15)}\tbwthrottle=NO\tuseragent=Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\treferer=www.example.com/\thostname=${host(next)}\tappproto=HTTPS\turlcategory=Corporate Marketing\turlsupercategory=Business and Economy\turlclass=Business Use\tappclass=General Browsing\tappname=generalbrowsing\tmalwaretype=Clean Transaction\tmalwareclass=Clean Transaction\tthreatname=None\triskscore=0\tdlpdict=None\tdlpeng=None\tfileclass=None\tfiletype=None\treqmethod=GET\trespcode=200`,
  cef: (next, time) =>
    `<134>${MONTHS[new Date(time).getUTCMonth()]} ${two(new Date(time).getUTCDate())} ${clock(time).time} gw01 CEF:0|Example|Web Gateway|7.1|100|Web request|3|rt=${time} src=${ip(next)} spt=${1024 + pick(next, 60000)} dst=${server(next)} dpt=443 suser=${user(next)} dhost=${host(next)} request=https://${host(next)}/path/${pick(next, 1e6)}/index.html?session\\=${pick(next, 1e9)} requestMethod=GET requestClientApplication=Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 in=${size(next)} out=${size(next)} act=allowed app=HTTPS cat=Business cs1Label=Policy cs1=Default policy cs2Label=Reputation cs2=Minimal Risk cn1Label=Duration cn1=${pick(next, 5000)} deviceExternalId=GW-01 dvchost=gw01.example.com outcome=200 reason=Allowed`,
  'squid-native': (next, time) =>
    `${(time / 1000).toFixed(3)} ${String(pick(next, 5000)).padStart(6)} ${ip(next)} TCP_MISS/200 ${size(next)} GET http://${host(next)}/path/${pick(next, 1e6)}/index.html ${user(next)} HIER_DIRECT/${server(next)} text/html`,
  'zscaler-json': (next, time) =>
    `{"sourcetype":"zscalernss-web","event":{"datetime":"${new Date(time).toUTCString().slice(0, 3)} ${monthTime(time).slice(0, 6)} ${clock(time).time} ${new Date(time).getUTCFullYear()}","epochtime":"${Math.floor(time / 1000)}","reason":"Allowed","event_id":"${pick(next, 1e15)}","protocol":"HTTPS","action":"Allowed","transactionsize":"${size(next)}","responsesize":"${size(next)}","requestsize":"${size(next)}","urlcategory":"Corporate Marketing","serverip":"${server(next)}","clienttranstime":"${pick(next, 900)}","requestmethod":"GET","refererURL":"None","useragent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0","product":"NSS","location":"HQ","ClientIP":"${ip(next)}","status":"200","user":"${user(next)}","url":"${host(next)}/path/${pick(next, 1e6)}","vendor":"Zscaler","hostname":"${host(next)}","clientpublicIP":"198.51.100.7","threatcategory":"None","threatname":"None","filetype":"None","appname":"General Browsing","pagerisk":"0","department":"Engineering","urlsupercategory":"Business","appclass":"General Browsing","dlpengine":"None","urlclass":"Business Use","threatclass":"None","dlpdictionaries":"None","fileclass":"None","bwthrottle":"NO","contenttype":"text/html","unscannabletype":"None","deviceowner":"owner${pick(next, 5000)}","devicehostname":"LT-${pick(next, 9000)}"}}`
}
