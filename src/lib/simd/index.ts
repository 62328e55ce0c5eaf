/** What the code of this folder gives to src/lib/lane-memory.ts. It has no data of its own: all addresses come with the call. */
export { lastOf } from './find'
export { fit } from './fit'
export { columns, places, words } from './rows'
export { squidRow } from './squid'
export { plainTexts } from './texts'
export { joinUrl } from './url'
export { placeOf } from './values'
export { writeLine } from './write'
