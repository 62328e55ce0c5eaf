/**
 * Ways around work that lines like earlier ones need not have done again. Each has a plain way beside it that gives the same
 * bytes; test/parse/fast-paths.test.ts turns these off to compare.
 */
export const fastPaths = { isOn: true }
