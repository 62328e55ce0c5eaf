/** The page: asks /api/v1/status every two seconds and shows it. Values become text nodes only, never markup. */

const REFRESH_MS = 2000
const TOKEN_KEY = 'sluice-token'
const byId = id => document.getElementById(id)
const count = new Intl.NumberFormat('en')
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/** An element with a class and children, which are elements or texts. */
function make(tag, className, ...children) {
  const element = document.createElement(tag)
  if (className) element.className = className
  element.append(...children)
  return element
}

const number = value => count.format(value)
const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

function size(bytes) {
  let index = 0
  let value = bytes
  while (value >= 1024 && index < sizeUnits.length - 1) {
    value /= 1024
    index++
  }
  return `${index === 0 ? Math.round(value) : value.toFixed(1)} ${sizeUnits[index]}`
}

function ago(ms) {
  if (ms === undefined) return 'never'
  const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000))
  if (seconds < 90) return `${seconds} s ago`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86400)} d ago`
}

function stage(name, value, ...losses) {
  const item = make('li', '', make('b', '', number(value)), name)
  for (const [label, lost, isBad] of losses)
    if (lost > 0) item.append(make('span', isBad ? 'loss bad' : 'loss', `${number(lost)} ${label}`))
  return item
}

/** What the records carry, in percent: reports lose what is missing. */
function quality(parsed, attributes) {
  if (parsed === 0) return ''
  const shares = attributes.map(({ attribute, count }) => `${attribute} ${Math.round((100 * count) / parsed)} %`)
  return make('p', 'quiet', `records with ${shares.join(' · ')}`)
}

function sourceCard({ name, appliance, format, frames, records, dropped, attributes, outcomes, lastSeenMs, lastEventMs, lastUploadMs }) {
  const reasons = dropped.map(({ reason, count }) => [`dropped: ${reason}`, count, false])
  const times = `last line ${ago(lastSeenMs)} · last event ${ago(lastEventMs)} · last upload ${ago(lastUploadMs)}`
  return make(
    'article',
    'source',
    make('h3', '', name),
    make('span', 'quiet', `${appliance === 'auto' ? recognised(outcomes) : appliance} · ${format}`),
    make(
      'ol',
      'flow',
      stage(
        'received',
        frames.received,
        ['skipped', frames.skipped, false],
        ['malformed', frames.malformed, true],
        ['unidentified', frames.unidentified, true]
      ),
      stage('parsed', frames.parsed, ...reasons),
      stage('written', records.written),
      stage('in the spool', records.spooled, ['set aside', records.setAside, true], ['removed', records.removed, true]),
      stage('uploaded', records.uploaded)
    ),
    quality(records.parsed, attributes),
    make('p', 'quiet', times)
  )
}

/** The parsers that read this source's lines, the busiest first. */
function recognised(outcomes) {
  const parsers = outcomes.filter(({ outcome }) => outcome === 'parsed').sort((a, b) => b.count - a.count)
  return parsers.length === 0 ? 'auto' : `auto: ${parsers.map(({ parser }) => parser).join(', ')}`
}

function rejectedRow({ atMs, source, outcome, parser, reason, text }) {
  const why = `${outcome}${parser ? ` by ${parser}` : ''}: ${reason}`
  return make('tr', '', cell(clock.format(atMs)), cell(source), cell(why), make('td', 'line', make('code', '', text.slice(0, 300))))
}

const cell = (value, className) => make('td', className ?? '', String(value))
const lastBytes = new Map()

function receiverRow({ name, protocol, address, state, reason, connections, counters }, nowMs) {
  const key = `${name} ${protocol} ${address}`
  const bytes = counters.received_bytes_total ?? 0
  const last = lastBytes.get(key)
  const rate = last && nowMs > last.nowMs ? Math.max(0, ((bytes - last.bytes) * 1000) / (nowMs - last.nowMs)) : 0
  lastBytes.set(key, { bytes, nowMs })
  const stateCell = cell(reason ? `${state}: ${reason}` : state, state === 'listening' ? 'good' : 'bad')
  return make(
    'tr',
    '',
    cell(name),
    cell(protocol),
    cell(address),
    stateCell,
    cell(number(connections), 'n'),
    cell(size(bytes), 'n'),
    cell(size(rate), 'n')
  )
}

function uploadRow({ finishedMs, source, id, records, bytes, durationMs, outcome, reason }) {
  const outcomeCell = cell(reason ? `${outcome}: ${reason}` : outcome, outcome === 'done' ? 'good' : 'bad')
  const took = `${(durationMs / 1000).toFixed(1)} s`
  return make(
    'tr',
    '',
    cell(clock.format(finishedMs)),
    cell(source),
    cell(id),
    cell(number(records), 'n'),
    cell(size(bytes), 'n'),
    cell(took, 'n'),
    outcomeCell
  )
}

function showBalance({ balanced, frames, records, delivery }) {
  const element = byId('balance')
  element.className = balanced ? 'balance good' : 'balance bad'
  const where = `frames ${number(frames.difference)}, records ${number(records.difference)}, delivery ${number(delivery.difference)}`
  const shed = frames.shed > 0 ? `; ${number(frames.shed)} frames were shed for lack of room` : ''
  element.textContent = balanced
    ? `Every frame and record is accounted for (${number(frames.inFlight)} in flight${shed}).`
    : `Not accounted for: ${where}${shed}.`
}

function showSpool({ bytes, maxBytes, freeBytes, full, segments, oldestMs }) {
  const waiting = segments.closed + segments.issued + segments.stored + segments.finalising
  const oldest = oldestMs === undefined ? '' : `, the oldest from ${ago(oldestMs)}`
  byId('spool').textContent =
    `${size(bytes)} of ${size(maxBytes)}${full ? ' – full' : ''}, ${size(freeBytes)} free on the disk; ${segments.open} segments open, ${waiting} waiting${oldest}, ${segments.done} archived, ${segments['set-aside']} set aside`
  byId('spool-meter').value = maxBytes > 0 ? bytes / maxBytes : 0
}

function showUpload({ tenant, upload }) {
  const place = tenant.kind === 'local' ? `Local tenant, files in ${tenant.dir}` : `Tenant ${tenant.url}`
  const trouble = upload.pauses.map(({ source, reason }) => ` – ${source ? `${source}: ` : ''}${reason}`).join('')
  byId('tenant').textContent =
    `${place}; ${number(upload.uploadedFiles)} files, ${size(upload.uploadedBytes)} (${size(upload.uploadedRawBytes)} before compression)${trouble}`
  byId('uploads').replaceChildren(...upload.recent.slice(0, 15).map(uploadRow))
}

function show(status) {
  const state = byId('state')
  state.textContent = status.state
  state.className = `state ${status.state === 'healthy' ? 'good' : 'bad'}`
  byId('about').textContent =
    `version ${status.version}, up since ${ago(status.startedMs).replace(' ago', '')}, ${status.lanes.length} lanes`
  byId('reasons').hidden = status.reasons.length === 0
  byId('reasons').replaceChildren(...status.reasons.map(reason => make('li', '', reason)))
  byId('sources').replaceChildren(...status.sources.map(sourceCard))
  byId('receivers').replaceChildren(...status.receivers.map(receiver => receiverRow(receiver, Date.now())))
  showBalance(status.balance)
  showSpool(status.spool)
  showUpload(status)
  byId('main').hidden = false
  byId('fresh').textContent = `as of ${clock.format(Date.now())}`
}

function showTrouble(text) {
  byId('state').textContent = text
  byId('state').className = 'state bad'
}

function ask(path, token) {
  return fetch(path, { headers: token ? { authorization: `Bearer ${token}` } : {}, signal: AbortSignal.timeout(10_000) })
}

async function showRejected(token) {
  const response = await ask('/api/v1/tap?limit=20', token)
  if (!response.ok) return
  const samples = await response.json()
  byId('rejected-section').hidden = samples.length === 0
  byId('rejected').replaceChildren(...samples.reverse().map(rejectedRow))
}

async function refresh() {
  const token = sessionStorage.getItem(TOKEN_KEY)
  try {
    const response = await ask('/api/v1/status', token)
    byId('sign-in').hidden = response.status !== 401
    if (response.status === 401) showTrouble(token ? 'token refused' : 'locked')
    else if (response.ok) {
      show(await response.json())
      await showRejected(token)
    } else showTrouble(`the server answered ${response.status}`)
  } catch {
    showTrouble('not reachable')
  }
}

byId('sign-in').addEventListener('submit', event => {
  event.preventDefault()
  sessionStorage.setItem(TOKEN_KEY, byId('token').value)
  refresh()
})

/** One request after the other; a hidden tab asks for nothing. */
async function loop() {
  if (!document.hidden) await refresh()
  setTimeout(loop, REFRESH_MS)
}

loop()
