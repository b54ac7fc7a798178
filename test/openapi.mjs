// Judges an OpenAPI document by the rules of Redocly.
//
//   node openapi.mjs < DOCUMENT
//
// writes a line for each problem, none when there is none.
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { text } from 'node:stream/consumers'

const off = [
  'info-license', // the API's owner knows it
  'operation-4xx-response', // where nothing refuses, `default` stands for all errors
  'no-server-example.com', // tests are served on localhost
]
const config = await createConfig({ extends: ['recommended-strict'], rules: Object.fromEntries(off.map(rule => [rule, 'off'])) })
const problems = await lintFromString({ source: await text(process.stdin), absoluteRef: '/openapi.json', config })
for (const p of problems) console.log(`${p.location[0]?.pointer}: ${p.message} (${p.ruleId})`)
