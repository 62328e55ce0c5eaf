/** What the file may say about the look of a source's lines: a pasted template, or a mapping of columns or keys. */
import { Type } from 'typebox'

const pasted = (description: string, example: string) =>
  Type.Optional(Type.String({ description, minLength: 1, maxLength: 16_384, examples: [example] }))

const name = (description: string) => Type.String({ description, minLength: 1, maxLength: 128 })
const field = (description: string) => Type.Optional(name(description))
const expression = (description: string) => Type.String({ description, minLength: 1, maxLength: 512 })

const Fields = Type.Object(
  {
    time: Type.Object(
      {
        column: field('Column of the time (kind csv).'),
        key: field('Key of the time (kind key-value).'),
        clock: field('Second column or key with the time of day; `format` then describes both with a blank between.'),
        format: Type.Optional(
          Type.String({
            description:
              'Java-like pattern of yyyy yy MM M MMM dd d EEE HH H hh h mm ss SSS a Z z XXX and text in quotes, or epoch or epoch_ms. Absent: the usual forms are told apart.',
            minLength: 1,
            maxLength: 128,
            examples: ['yyyy-MM-dd HH:mm:ss']
          })
        )
      },
      { additionalProperties: false, description: 'When it happened.' }
    ),
    srcIp: name('Address of the client.'),
    user: field('Name of the user.'),
    device: field('Name of the client machine.'),
    dstIp: field('Address of the server.'),
    dstPort: field('Port of the server.'),
    dstHost: field('Name of the server.'),
    url: field('URL.'),
    uploadedBytes: field('Bytes from client to server.'),
    downloadedBytes: field('Bytes from server to client.'),
    totalBytes: field('Bytes of both ways.'),
    action: Type.Optional(
      Type.Object(
        {
          column: field('Column of the decision (kind csv).'),
          key: field('Key of the decision (kind key-value).'),
          blocked: expression('Expression found in the value when the transaction was blocked, such as `Blocked|Denied`.'),
          allowed: Type.Optional(expression('Expression of allowed ones. Absent: every value that is not blocked is allowed.'))
        },
        { additionalProperties: false, description: 'Whether it was allowed.' }
      )
    )
  },
  { additionalProperties: false, description: 'Column or key by record property; at least time, srcIp and one of url, dstHost, dstIp.' }
)

const Mapping = Type.Object(
  {
    kind: Type.Enum(['csv', 'key-value'], { description: 'Shape of a line.' }),
    delimiter: Type.Optional(
      Type.String({
        description: 'Between columns or pairs: one character or \\t. Absent: a comma for csv, a blank for key-value.',
        minLength: 1,
        maxLength: 2
      })
    ),
    assign: Type.Optional(
      Type.String({ description: 'Between key and value (kind key-value). Absent: an equals sign.', minLength: 1, maxLength: 2 })
    ),
    header: Type.Optional(
      Type.Boolean({ description: 'A header row names the columns (kind csv). Absent: true when `columns` is absent, else false.' })
    ),
    columns: Type.Optional(
      Type.Array(name('Name of a column.'), { description: 'Names of the columns, in order (kind csv).', minItems: 1, maxItems: 512 })
    ),
    fields: Fields
  },
  { additionalProperties: false, description: 'Which column or key is what, as in the custom parser of the portal.' }
)

/** The key `template` of a source. */
export const TemplateSchema = Type.Object(
  {
    zscaler_feed: pasted('NSS feed output format of Zscaler.', '%s{time}\\t%s{login}\\t%s{cip}\\t%s{eurl}\\n'),
    squid_logformat: pasted('logformat of Squid.', '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt'),
    w3c_fields: pasted('#Fields line of a W3C extended log whose rows come without it.', '#Fields: date time c-ip cs-uri'),
    csv_header: pasted('Header row of a CSV log with usual names.', 'Date,Source IP,User,URL,Action'),
    mapping: Type.Optional(Mapping)
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'How the lines look, instead of `appliance`: exactly one of these.'
  }
)
