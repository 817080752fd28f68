// Generates TypeScript from an AsyncAPI document with the AsyncAPI project's Modelina, as a backend would: every model into
// one file; its names as JSON on standard output. node models.mjs <document> <file.ts>
import { readFile, writeFile } from 'node:fs/promises'
import { TypeScriptGenerator } from '@asyncapi/modelina'

const [document, target] = process.argv.slice(2)
if (document === undefined || target === undefined) {
  console.error('usage: node models.mjs <document> <file.ts>')
  process.exit(2)
}

const generator = new TypeScriptGenerator({ modelType: 'interface', enumType: 'union', rawPropertyNames: true })
const models = await generator.generate(await readFile(document, 'utf8'))
await writeFile(target, models.map(({ result }) => result).join('\n\n') + '\n\nexport {}\n')
console.log(JSON.stringify(models.map(({ modelName }) => modelName)))
