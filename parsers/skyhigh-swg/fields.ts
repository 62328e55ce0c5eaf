/** Skyhigh Secure Web Gateway: what the words of each wire form fill. */
import { action, anyTime, clfTime, count, epoch, FieldTable, isoTime, raw, text } from '../../src/parse/kit.ts'

export const accessTable = new FieldTable({
  time_stamp: clfTime(),
  auth_user: text('user'),
  src_ip: text('srcIp'),
  status_code: raw(),
  req_line: raw(),
  bytes_to_client: count('downloadedBytes'),
  bytes_from_client: count('uploadedBytes'),
  block_res: raw()
})
const ACCESS_COLUMNS = 'time_stamp auth_user src_ip status_code req_line categories rep_level media_type bytes_to_client'.split(' ')
export const ACCESS_DEFAULT = accessTable.columns([...ACCESS_COLUMNS, 'user_agent', 'virus_name', 'block_res'])
export const ACCESS_BOTH = accessTable.columns([...ACCESS_COLUMNS, 'bytes_from_client', 'user_agent', 'virus_name', 'block_res'])

export const syslogTable = new FieldTable({
  status: raw(),
  srcip: text('srcIp'),
  user: text('user'),
  destip: text('dstIp'),
  dhost: text('dstHost'),
  urlp: count('dstPort'),
  bytes: raw(),
  url: text('url')
})

export const handlerTable = new FieldTable({
  date: isoTime(),
  username: text('user'),
  source_ip: text('srcIp'),
  destination_ip: raw(),
  destination_host: text('dstHost'),
  http_status_code: raw(),
  source_bytes: count('uploadedBytes'),
  destination_bytes: count('downloadedBytes'),
  http_request_first_line: raw(),
  block_id: raw()
})

export const leefTable = new FieldTable({
  devTime: anyTime(),
  usrName: text('user'),
  src: text('srcIp'),
  dst: text('dstIp'),
  dstPort: count('dstPort'),
  srcBytes: count('uploadedBytes'),
  dstBytes: count('downloadedBytes'),
  totalBytes: count('totalBytes'),
  url: text('url'),
  httpStatus: raw(),
  blockReason: raw()
})

export const cefTable = new FieldTable({
  rt: anyTime(),
  suser: text('user'),
  src: text('srcIp'),
  shost: text('device'),
  dst: text('dstIp'),
  dhost: text('dstHost'),
  dpt: count('dstPort'),
  out: count('uploadedBytes'),
  in: count('downloadedBytes'),
  request: text('url'),
  act: action({ '0': 'allowed' })
})

export const cloudTable = new FieldTable({
  request_timestamp_epoch: epoch(),
  request_timestamp: raw(),
  username: text('user'),
  client_ip: text('srcIp'),
  source_ip: text('srcIp'),
  client_system_name: text('device'),
  destination_ip: text('dstIp'),
  destination_port: count('dstPort'),
  requested_host: text('dstHost'),
  requested_path: text('url'),
  uri_scheme: raw(),
  client_to_server_bytes: count('uploadedBytes'),
  server_to_client_bytes: count('downloadedBytes'),
  result: action(),
  // the rest only ends the values before it
  ...Object.fromEntries(
    (
      'user_id http_action virus category media_type application_type reputation last_rule http_status_code location block_reason ' +
      'user_agent_product user_agent_version user_agent_comment process_name pop_country_code referer ssl_scanned av_scanned_up ' +
      'av_scanned_down rbi dlp filename pop_egress_ip pop_ingress_ip proxy_port'
    )
      .split(' ')
      .map(name => [name, raw()])
  )
})
export const cloud = cloudTable.v as Readonly<Record<'request_timestamp' | 'uri_scheme', (typeof cloudTable.values)[number]>>
