// Asks yaml-language-server, over stdio as an editor does.
//
//   node editor.cjs FOLDER_OF_NODE_MODULES < {"schema": PATH, "documents": [{"name", "text", "complete": [[line, column]], "hover": [[line, column]]}]}
//
// NAME is the path of a document, for a schema that it names itself.
//
// writes [{"name", "diagnostics": [TEXT], "complete": [[LABEL]], "hover": [TEXT]}]. Lines and
// columns count from 0. It ends by itself after a minute.
const { spawn } = require('node:child_process')
const { createRequire } = require('node:module')
const { pathToFileURL } = require('node:url')
const path = require('node:path')
const folder = path.resolve(process.argv[2])
const need = createRequire(path.join(folder, 'editor.cjs'))
const rpc = need('vscode-jsonrpc/node')

const patience = setTimeout(() => { console.error('the language server does not answer'); process.exit(1) }, 60_000)

let input = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', chunk => { input += chunk })
process.stdin.on('end', () => ask(JSON.parse(input)).then(answer => {
  process.stdout.write(JSON.stringify(answer), () => process.exit(0))
}, error => { console.error(error); process.exit(1) }))

async function ask ({ schema, documents }) {
  const server = spawn(process.execPath, [path.join(folder, 'node_modules/yaml-language-server/bin/yaml-language-server'), '--stdio'])
  const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin))
  const told = new Map()
  const waiting = new Map()
  connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics }) => {
    told.set(uri, diagnostics)
    waiting.get(uri)?.()
  })
  const settings = { yaml: { schemas: { [pathToFileURL(schema)]: '*.yaml' }, validate: true, hover: true, completion: true, schemaStore: { enable: false } } }
  connection.onRequest('workspace/configuration', ({ items }) => items.map(i => (i.section === 'yaml' ? settings.yaml : null)))
  connection.onRequest('client/registerCapability', () => null)
  connection.listen()
  await connection.sendRequest('initialize', {
    processId: process.pid, rootUri: null,
    capabilities: { textDocument: { hover: { contentFormat: ['markdown'] }, completion: { completionItem: { snippetSupport: false } } }, workspace: { configuration: true } }
  })
  await connection.sendNotification('initialized', {})
  await connection.sendNotification('workspace/didChangeConfiguration', { settings })
  const answers = []
  for (const { name, text, complete = [], hover = [] } of documents) {
    const uri = pathToFileURL(name).href
    const diagnosed = new Promise(resolve => waiting.set(uri, resolve))
    await connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1, text } })
    await diagnosed
    const at = ([line, character]) => ({ textDocument: { uri }, position: { line, character } })
    const answer = { name, complete: [], hover: [], diagnostics: told.get(uri).map(d => `${d.range.start.line + 1}: ${d.message}`) }
    for (const place of complete) {
      const items = await connection.sendRequest('textDocument/completion', at(place))
      answer.complete.push((items?.items ?? []).map(item => item.label))
    }
    for (const place of hover) {
      const found = await connection.sendRequest('textDocument/hover', at(place))
      answer.hover.push(found?.contents?.value ?? '')
    }
    answers.push(answer)
  }
  clearTimeout(patience)
  await connection.sendRequest('shutdown')
  await connection.sendNotification('exit')
  return answers
}
