// Validates an AsyncAPI document with the AsyncAPI project's own parser, then every example against its message's
// schema (the parser checks examples of AsyncAPI 2 only): node check.mjs <file>
// Errors and warnings fail; hints (a newer specification exists) are told only.
import { readFile } from 'node:fs/promises'
import { Parser } from '@asyncapi/parser'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'

const SEVERITIES = ['error', 'warning', 'information', 'hint']
const WARNING = 1

const file = process.argv[2]
if (file === undefined) {
  console.error('usage: node check.mjs <file>')
  process.exit(2)
}

const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'), { source: file })
for (const { severity, path, message, range } of diagnostics) {
  console.error(`${SEVERITIES[severity]} line ${range.start.line + 1} ${path.join('.')}: ${message}`)
}
if (document === undefined || diagnostics.some(({ severity }) => severity <= WARNING)) process.exit(1)

const ajv = addFormats(new Ajv({ allErrors: true, strictSchema: 'log' }))
ajv.addVocabulary(['x-parser-schema-id'])
const messages = document.components().messages().all()
let examples = 0
let failures = 0
for (const message of messages) {
  const matches = ajv.compile(message.payload().json())
  for (const example of message.examples().all()) {
    examples += 1
    if (matches(example.payload())) continue
    failures += 1
    console.error(`error example ${example.name()} of ${message.title()}: ${ajv.errorsText(matches.errors)}`)
  }
}
if (failures > 0) process.exit(1)
const count = (items) => items.all().length
console.log(
  `valid: ${count(document.channels())} channels, ${count(document.operations())} operations, ` +
    `${messages.length} messages, ${examples} examples`
)
