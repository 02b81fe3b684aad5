// Evaluates expressions with npm's `@truto/truto-jsonata`: reads a line of JSON for each, {text, data}, and writes one.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

process.env.TZ = 'UTC'
const require = createRequire(pathToFileURL(process.argv[2] + '/'))
const truto = await import(pathToFileURL(require.resolve('@truto/truto-jsonata')).href)
const jsonata = truto.default.default ?? truto.default

for (const line of readFileSync(0, 'utf-8').trim().split('\n')) {
  const { text, data } = JSON.parse(line)
  let found
  try {
    const value = await jsonata(text).evaluate(data)
    found = value === undefined ? {} : { value: JSON.parse(JSON.stringify(value) ?? 'null') }
  } catch (error) {
    found = { error: String(error.code ?? error.name) }
  }
  console.log(JSON.stringify(found))
}
