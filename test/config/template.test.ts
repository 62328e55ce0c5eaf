import t from 'tap'
import { ConfigError, formatFaults } from '../../src/config/faults.ts'
import { parseConfig } from '../../src/config/load.ts'
import { templateFaults } from '../../src/parse/template/compile.ts'

const parse = (text: string) =>
  parseConfig(text, { env: {}, cwd: '/', file: 'x.yaml', appliances: ['cisco-asa'], checkTemplate: templateFaults })

function faultsOf(text: string): string[] {
  try {
    parse(text)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return formatFaults(error.file, error.faults)
    throw error
  }
}

t.test('each kind of template is taken as it was pasted', async t => {
  const { config, warnings } = parse(String.raw`
sources:
  - name: zscaler
    template:
      zscaler_feed: '%s{time}\t%s{login}\t%s{cip}\t%s{eurl}\n'
    from: { peers: [10.1.0.0/16] }
  - name: squid
    template: { squid_logformat: '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt' }
    from: { peers: [10.2.0.0/16] }
  - name: w3c
    template: { w3c_fields: '#Fields: date time c-ip cs-uri' }
    from: { peers: [10.3.0.0/16] }
  - name: csv
    template: { csv_header: 'Date,Source IP,User,URL' }
    from: { peers: [10.4.0.0/16] }
  - name: own
    template:
      mapping:
        kind: key-value
        delimiter: '|'
        fields:
          time: { key: t, format: 'dd.MM.yyyy HH:mm:ss' }
          srcIp: from
          url: to
          action: { key: act, blocked: '^(Blocked|Denied)' }
`)
  t.same(warnings, [])
  t.same(
    config.sources.map(({ template }) => Object.keys(template ?? {})),
    [['zscaler_feed'], ['squid_logformat'], ['w3c_fields'], ['csv_header'], ['mapping']]
  )
  t.equal(config.sources[0]!.template!.zscaler_feed, String.raw`%s{time}\t%s{login}\t%s{cip}\t%s{eurl}\n`)
  t.equal(parse('').config.sources[0]!.template, undefined)
})

t.test('what is wrong with a template is told with its line, all of it at once', async t => {
  const faults = faultsOf(`
sources:
  - name: a
    template:
      mapping:
        kind: csv
        columns: [when, from, to]
        fields:
          time: { column: when, format: 'yyyy-QQ' }
          srcIp: form
          url: to
          action: { key: act, blocked: '(?=a)' }
  - name: b
    from: { peers: [10.0.0.0/8] }
    appliance: cisco-asa
    template: { squid_logformat: '%ts %>a %nonsense %ru' }
`)
  t.match(faults, [
    /^x\.yaml:9:41: sources\[0\]\.template\.mapping\.fields\.time\.format: can not be used: "QQ" means nothing/,
    /^x\.yaml:10:18: sources\[0\]\.template\.mapping\.fields\.srcIp: there is no column "form"; columns has when, from, to/,
    /^x\.yaml:12:26: sources\[0\]\.template\.mapping\.fields\.action\.key: belongs to kind key-value; give column/,
    /^x\.yaml:12:40: sources\[0\]\.template\.mapping\.fields\.action\.blocked: can not be used: it looks around/,
    /^x\.yaml:16:15: sources\[1\]\.template: says how the lines look, and so does appliance/,
    /^x\.yaml:16:34: sources\[1\]\.template\.squid_logformat: %nonsense at character 9 is no format code of Squid/
  ])
})

t.test('a template is one thing, and a key that does not exist is found', async t => {
  t.match(faultsOf("sources: [{ name: a, template: { w3c_fields: 'x', csv_header: 'y' } }]"), [
    /sources\[0\]\.template: exactly one of zscaler_feed, squid_logformat, w3c_fields, csv_header, mapping must be given/
  ])
  t.match(faultsOf('sources: [{ name: a, template: {} }]'), [/exactly one of/])
  t.match(faultsOf("sources: [{ name: a, template: { squid_format: 'x' } }]"), [
    /unknown key "squid_format"; did you mean "squid_logformat"\?/
  ])
  t.match(faultsOf("sources: [{ name: a, format: raw, source_string: X, template: { w3c_fields: 'date time c-ip' } }]"), [
    /no meaning with format raw/
  ])
})
