/**
 * Hot path: once per record. Which of the record's texts are already as they should be (src/process/finalize.ts, host.ts, url.ts); the plain
 * way does the rest. An absent text starts at -1.
 */
import { isHost, isIpv4, isName } from './fields'
import {
  RECORD_DEVICE,
  RECORD_DST_HOST,
  RECORD_DST_IP,
  RECORD_END,
  RECORD_FOUND,
  RECORD_STARTS,
  RECORD_URL,
  RECORD_USER,
  URL_SHIFT
} from './program'
import { plainUrl } from './url'

/**
 * Two names, two IPv4 addresses and a host: a bit each, in this order, the first one's lowest. An absent one is as it should be. Above them what
 * `plainUrl` says of the URL; 0 without one.
 */
export function plainTexts(record: usize): i32 {
  const texts = record + RECORD_STARTS
  const url = load<i32>(texts, RECORD_URL)
  const kind = url < 0 ? 0 : plainUrl(url, load<i32>(texts, RECORD_URL + RECORD_END), record + RECORD_FOUND)
  const user = load<i32>(texts, RECORD_USER)
  const device = load<i32>(texts, RECORD_DEVICE)
  const srcIp = load<i32>(texts)
  const dstIp = load<i32>(texts, RECORD_DST_IP)
  const host = load<i32>(texts, RECORD_DST_HOST)
  return (
    <i32>(user < 0 || isName(user, load<i32>(texts, RECORD_USER + RECORD_END))) |
    ((<i32>(device < 0 || isName(device, load<i32>(texts, RECORD_DEVICE + RECORD_END)))) << 1) |
    ((<i32>(srcIp < 0 || isIpv4(srcIp, load<i32>(texts, RECORD_END)))) << 2) |
    ((<i32>(dstIp < 0 || isIpv4(dstIp, load<i32>(texts, RECORD_DST_IP + RECORD_END)))) << 3) |
    ((<i32>(host < 0 || isHost(host, load<i32>(texts, RECORD_DST_HOST + RECORD_END)))) << 4) |
    (kind << URL_SHIFT)
  )
}
