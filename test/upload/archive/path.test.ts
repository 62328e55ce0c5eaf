import t from 'tap'
import { filePath, pathFault } from '../../../src/upload/archive/path.ts'

const facts = {
  source: 'HQ-FortiGate',
  format: 'cef' as const,
  createdMs: Date.UTC(2026, 0, 31, 23, 5, 6, 78),
  id: '01769900706078-000012',
  collector: '9f3a2c11'
}

t.test('date and source stand in the path', async t => {
  t.equal(
    filePath('{source}/{year}/{month}/{day}/{source}-{id}.{format}.zst', facts),
    'HQ-FortiGate/2026/01/31/HQ-FortiGate-20260131T230506078Z-000012-9f3a2c11.cef.zst'
  )
  t.equal(filePath('logs/date={date}/hour={hour}/{id}', facts), 'logs/date=2026-01-31/hour=23/20260131T230506078Z-000012-9f3a2c11')
})

t.test('what a ledger calls a source can not lead anywhere else', async t => {
  for (const source of ['../../etc', '/etc/passwd', 'a/b', 'a\\b', 'a\0b', 'a?sig=x', 'ä ö', '..', '', 'x'.repeat(4000), '{id}', '$&']) {
    const path = filePath('x/{source}/{id}.zst', { ...facts, source })
    t.match(path, /^x\/[A-Za-z0-9_-]{1,64}\/20260131T230506078Z-000012-9f3a2c11\.zst$/, JSON.stringify(source.slice(0, 20)))
  }
})

t.test('a template that could overwrite files, or leave its place, is told', async t => {
  t.equal(pathFault('{source}/{year}/{month}/{day}/{source}-{id}.{format}.zst'), undefined)
  t.equal(pathFault('a/date={date}/{hour}_{id}'), undefined)
  for (const [template, why] of [
    ['{source}.zst', /\{id\}/],
    ['{sauce}/{id}', /\{sauce\} is none of \{source\}/],
    ['/{id}', /empty/],
    ['a//{id}', /empty/],
    ['a/../{id}', /\.\./],
    ['{id}/', /empty/],
    ['a b/{id}', /only letters/],
    ['a\\{id}', /only letters/],
    ['{{id}}', /only letters/],
    ['{id}{', /only letters/],
    ['a./{id}', /dot/],
    [`${'x'.repeat(300)}{id}`, /longer/]
  ] as const)
    t.match(pathFault(template) ?? '', why, template)
})
