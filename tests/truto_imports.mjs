// What Truto's mappings give, by npm's `@truto/truto-jsonata`: reads a JSON object a line, {config, proxy, reading, inputs}, and writes
// a list of results for each. It is written from what Truto's texts say, and shares nothing with the importer.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

process.env.TZ = 'UTC'
const require = createRequire(pathToFileURL(process.argv[2] + '/'))
const truto = await import(pathToFileURL(require.resolve('@truto/truto-jsonata')).href)
const jsonata = truto.default.default ?? truto.default

const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))
const evaluate = async (text, input) => plain(await jsonata(text).evaluate(input))
const at = (value, path) => (path ? path.split('.').reduce((below, name) => below?.[name], value) : value)
const list = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value])

async function request(config, proxy, names) {
  const made = {}
  const parts = { path: 'path_mapping', query: 'query_mapping', headers: 'request_header_mapping', body: 'request_body_mapping' }
  for (const [part, key] of Object.entries(parts)) {
    if (config[key]) made[part] = await evaluate(config[key], names)
    if (proxy[part] && part !== 'path') made[part] = { ...proxy[part], ...made[part] }
    if (config[part] && part !== 'headers') made[part] = { ...config[part], ...made[part] }
  }
  if (config.resource?.expression) made.resource = await evaluate(config.resource.expression, names)
  return made
}

async function records(config, proxy, reading, names, { method, reply, headers = {} }) {
  const cut = at(reply, proxy.response_path)
  const map = (response) => evaluate(config.response_mapping, { ...names, headers, response })
  if (method !== 'list') return { record: await map(reading === 'http' ? { body: cut, headers, statusCode: 200 } : cut) }
  if (reading === 'item') {
    const made = []
    for (const item of list(cut)) made.push(await map(item))
    return { records: made.filter((one) => one !== undefined && one !== null) }
  }
  const found = await map(reading === 'http' ? { body: reply, headers, statusCode: 200 } : cut)
  const isPage = found && !Array.isArray(found) && ('result' in found || 'next_cursor' in found)
  const rows = list(isPage ? found.result : found).filter((one) => one !== null)
  return { records: rows, ...(isPage ? { next_cursor: found.next_cursor } : {}) }
}

async function answered(config, proxy, reading, input) {
  const { query = {}, context = {}, id, body, reply, status = 200 } = input
  const names = { query, rawQuery: query, context, ...(id === undefined ? {} : { id }), ...(body === undefined ? {} : { body }), headers: {} }
  const made = { request: await request(config, proxy, names) }
  if (status >= 400) return { ...made, error: config.error_mapping ? await evaluate(config.error_mapping, { ...names, error: reply }) : {} }
  if (reply === undefined || !config.response_mapping) return made
  return { ...made, ...(await records(config, proxy, reading, names, input)) }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { config, proxy, reading, input } = JSON.parse(line)
  let found
  try {
    found = await answered(config, proxy ?? {}, reading, input)
  } catch (error) {
    found = { failed: String(error.message ?? error.code) }
  }
  console.log(JSON.stringify(found))
}
