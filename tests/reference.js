// Evaluates expressions with the npm package jsonata, at the moment that is given as an argument: a JSON object a line in,
// {value} or {code} a line out.
// With `steady`, three things that depend on the reference's inside are as they are here: a constructor's parts are waited
// for in the order of the text, empty arrays of the input cannot be written into, and a number that JSON has not is D1001.
const jsonata = require("./bench/node_modules/jsonata");

const Clock = Date;
const now = Clock.parse(process.argv[2]);
globalThis.Date = class extends Clock {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }
};

const all = Promise.all.bind(Promise);
const inOrder = async (promises) => {
  promises.forEach((one) => one.catch(() => {}));
  const values = [];
  for (const one of promises) values.push(await one);
  return values;
};

const freeze = (value) => {
  if (Array.isArray(value) && value.length === 0) Object.freeze(value);
  if (value && typeof value === "object") Object.values(value).forEach(freeze);
  return value;
};

const isFunction = (v) => typeof v === "function" || (v && (v._jsonata_function || v._jsonata_lambda));
const written = (steady) => (key, value) => {
  if (steady && typeof value === "number" && !Number.isFinite(value)) throw { code: "D1001" };
  return isFunction(value) ? undefined : value;
};

const outcome = async ({ text, data, bindings, steady }) => {
  Promise.all = steady ? inOrder : all;
  if (steady) [data, bindings].forEach(freeze);
  try {
    const value = await jsonata(text, { sequence: 100_000, timeout: 10_000 }).evaluate(data, bindings);
    return JSON.stringify(value === undefined ? {} : { value }, written(steady));
  } catch (error) {
    return JSON.stringify({ code: error.code || String(error) });
  }
};

(async () => {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    console.log(await outcome(JSON.parse(line)));
  }
})();
