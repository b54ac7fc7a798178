// Judges manifests by the JSON Schema, as editors do: YAML is read by the reader that
// yaml-language-server uses, the schema by ajv.
//
//   node judge.cjs FOLDER_OF_NODE_MODULES < {"schema": {...}, "manifests": [{"name", "text"}]}
//
// writes [{"name", "verdict": "accepts" | "refuses" | "unreadable", "errors": [...]}].
const { createRequire } = require('node:module')
const path = require('node:path')
const need = createRequire(path.join(path.resolve(process.argv[2]), 'judge.cjs'))
const Ajv = need('ajv')
const YAML = need('yaml')

let input = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', chunk => { input += chunk })
process.stdin.on('end', () => {
  const { schema, manifests } = JSON.parse(input)
  const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true })
  const validate = ajv.compile(schema)
  const judged = manifests.map(({ name, text }) => {
    const document = YAML.parseDocument(text, { merge: true, uniqueKeys: true, logLevel: 'error' })
    const faults = document.errors.map(e => e.message)
    let value
    try {
      value = document.toJS()
    } catch (e) {
      faults.push(e.message)
    }
    if (faults.length > 0) return { name, verdict: 'unreadable', errors: faults }
    if (validate(value)) return { name, verdict: 'accepts', errors: [] }
    return { name, verdict: 'refuses', errors: validate.errors.map(e => `${e.instancePath}: ${e.message}`).slice(0, 30) }
  })
  process.stdout.write(JSON.stringify(judged))
})
