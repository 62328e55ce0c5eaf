/** Check Point: what the words of each wire form fill. The native names are those of Log Exporter, `fw log`, exports and XML. */
import { action, anyTime, count, FieldTable, raw, text } from '../../src/parse/kit.ts'

const ACTIONS = {
  inspect: 'allowed',
  encrypt: 'allowed',
  decrypt: 'allowed',
  detect: 'allowed',
  inform: 'allowed',
  'inform user': 'allowed',
  prevent: 'blocked',
  'block user': 'blocked',
  // to a portal, a block page or a proxy: decides nothing by itself
  redirect: null,
  ask: null,
  'ask user': null
} as const

export const native = new FieldTable({
  date: raw(),
  time: raw(),
  product: raw(),
  proto: raw(),
  action: action(ACTIONS),
  src: text('srcIp'),
  dst: text('dstIp'),
  dst_port: count('dstPort'),
  service: count('dstPort'),
  src_user_name: text('user'),
  user: text('user'),
  src_machine_name: text('device'),
  resource: text('url'),
  tls_server_host_name: text('dstHost'),
  http_host: text('dstHost'),
  client_inbound_bytes: count('uploadedBytes'),
  client_outbound_bytes: count('downloadedBytes'),
  sent_bytes: count('uploadedBytes'),
  received_bytes: count('downloadedBytes'),
  bytes: count('totalBytes')
})

export const cef = new FieldTable({
  rt: anyTime(),
  product: raw(),
  proto: raw(),
  act: action(ACTIONS),
  src: text('srcIp'),
  dst: text('dstIp'),
  dpt: count('dstPort'),
  service: count('dstPort'),
  suser: text('user'),
  src_user_name: text('user'),
  shost: text('device'),
  request: text('url'),
  resource: text('url'),
  client_inbound_bytes: count('uploadedBytes'),
  client_outbound_bytes: count('downloadedBytes'),
  out: count('uploadedBytes'),
  in: count('downloadedBytes'),
  bytes: count('totalBytes')
})
export const leef = new FieldTable({
  devTime: anyTime(),
  cat: raw(),
  product: raw(),
  proto: raw(),
  action: action(ACTIONS),
  src: text('srcIp'),
  dst: text('dstIp'),
  dstPort: count('dstPort'),
  service: count('dstPort'),
  usrName: text('user'),
  src_user_name: text('user'),
  identHostName: text('device'),
  src_machine_name: text('device'),
  url: text('url'),
  resource: text('url'),
  client_inbound_bytes: count('uploadedBytes'),
  client_outbound_bytes: count('downloadedBytes'),
  srcBytes: count('uploadedBytes'),
  dstBytes: count('downloadedBytes'),
  sent_bytes: count('uploadedBytes'),
  received_bytes: count('downloadedBytes'),
  bytes: count('totalBytes')
})
