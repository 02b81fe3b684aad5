// Evaluates expressions with the npm package jsonata, at the moment that is given as an argument: a JSON object a line in,
// {value} or {code} a line out.
// With `mended`, the package is changed before it is loaded: without the causes of the differences that differences.yaml
// marks as `mended`, so that nothing else may differ.
const fs = require("fs");
const Module = require("module");
const path = require.resolve("./bench/node_modules/jsonata");

// What is replaced in the text of the package, by the reason in differences.yaml.
const CHANGES = {
  "the parts of a constructor are evaluated one after the other": [
    ["await Promise.all(expr.expressions\n                    .map(async", "await inOrder(expr.expressions, (async"],
    ["await Promise.all(utils.keys(groups).map(async", "await inOrder(utils.keys(groups), (async"],
  ],
  "grouping leaves an empty array empty": [["input.push(undefined);", "input = focus.createSequence(undefined);"]],
  "?? and ?: look at a copy of the left side that still has its regular expressions": [
    ["arguments: [JSON.parse(JSON.stringify(left))]", "arguments: [copied(left)]"],
    ["this.condition = JSON.parse(JSON.stringify(left));", "this.condition = copied(left);"],
  ],
  "a sorted stream of tuples is one": [
    [
      "result = await evaluateSortExpression(expr, tupleBindings, environment);",
      "result = await evaluateSortExpression(expr, tupleBindings, environment); result.tupleStream = true;",
    ],
  ],
  "a path binds variables from an input array itself": [
    ["return {'@': item} }", "return {'@': item && item.outerWrapper ? item[0] : item} }"],
  ],
  "a call with a group or [], or within a block with one or with predicates, is no tail call": [
    ["if (expr.type === 'function' && !expr.predicate)", "if (expr.predicate || expr.group || expr.keepArray) {result = expr;} else if (expr.type === 'function')"],
  ],
  "$eval at the end of a function sees what the function sees": [
    [
      "result = await applyInner(next, evaluatedArgs, input, environment);",
      "const own = next && next.implementation === functionEval ? result : {input, environment};" +
        "result = await applyInner(next, evaluatedArgs, own.input, own.environment);",
    ],
  ],
  "* of a sequence gives its items": [
    ["utils.keys(input).forEach(function (key) {\n                var", "(Array.isArray(input) ? [...input.keys()] : utils.keys(input)).forEach(function (key) {\nvar"],
  ],
  "an assignment in the text given to $eval stays in it": [
    ["await evaluate(ast, input, this.environment);", "await evaluate(ast, input, createFrame(this.environment));"],
  ],
  "a transform changes only its copy": [
    ["if(typeof matches !== 'undefined') {\n                if(!Array.isArray(matches))", "const parts = partsOf(result);\n$&"],
    ["match[prop] = update[prop];", "if (parts.has(match)) match[prop] = update[prop];"],
    ["if(typeof match === 'object' && match !== null) {", "if(parts.has(match)) {"],
  ],
  "a partially applied function still checks its arguments": [
    [
      "if (isLambda(proc)) {\n            result = partialApplyProcedure",
      "const wrapped = (f, given) => apply(f, given, null, environment);" +
        "if (isFunction(proc)) result = withHoles(wrapped, isFunction, getFunctionArity, proc, evaluatedArgs);\n        else $&",
    ],
  ],
  "functions have no fields and no text": [
    ["var match = re.exec(str);", "var match = re.exec(str && typeof str !== 'string' && !Array.isArray(str) ? searched(str) : str);"],
    ["typeof arg === 'object' && !isLambda(arg)", "typeof arg === 'object' && !isFunction(arg)"],
    ["result += replacement;", "if (typeof replacement !== 'string') throw {code: 'D3012'}; $&"],
  ],
};

globalThis.searched = (value) => (["object", "function"].includes(typeof value) ? "[object Object]" : value);

globalThis.withHoles = (call, isFunction, arityOf, called, given) => {
  const isHole = (one) => one && one.type === "operator" && one.value === "?";
  const callable = (one) => (isFunction(one) ? Object.assign(async (...rest) => call(one, rest), { arity: arityOf(one) }) : one);
  const partial = async (...rest) => call(called, given.map((one) => (isHole(one) ? rest.shift() : callable(one))));
  return Object.assign(partial, { arity: given.filter(isHole).length });
};

globalThis.inOrder = async (items, evaluate) => {
  const values = [];
  for (const [index, item] of items.entries()) values.push(await evaluate(item, index));
  return values;
};

globalThis.copied = (value) => {
  if (Array.isArray(value)) return value.map(copied);
  const isNode = value && typeof value === "object" && !(value instanceof RegExp);
  return isNode ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copied(one)])) : value;
};

globalThis.partsOf = (value, found = new Set()) => {
  if (value && typeof value === "object") {
    if (!Array.isArray(value)) found.add(value);
    Object.values(value).forEach((one) => partsOf(one, found));
  }
  return found;
};

const changed = () => {
  let text = fs.readFileSync(path, "utf-8");
  for (const [from, to] of Object.values(CHANGES).flat()) {
    if (text.split(from).length !== 2) throw new Error(`not once in the package: ${from}`);
    text = text.replace(from, to);
  }
  const made = new Module(path);
  made._compile(text, path);
  return made.exports;
};

const Clock = Date;
const now = Clock.parse(process.argv[2]);
globalThis.Date = class extends Clock {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }
};

// Where the package loses a regular expression, it may search for another one without end.
class Counted extends RegExp {
  searches = 0;
  exec(text) {
    this.searches += 1;
    if (this.searches > 10_000) throw new Error("searches without end");
    return super.exec(text);
  }
}

const isFunction = (v) => typeof v === "function" || (v && (v._jsonata_function || v._jsonata_lambda));
const written = (mended) => (key, value) => {
  if (mended && typeof value === "number" && !Number.isFinite(value)) throw { code: "D1001" };
  return isFunction(value) ? undefined : value;
};

const packages = { false: require(path), true: changed() };

const outcome = async ({ text, data, bindings, mended }) => {
  try {
    const options = { timeout: 10_000, RegexEngine: Counted };
    const value = await packages[mended](text, options).evaluate(data, bindings);
    return JSON.stringify(value === undefined ? {} : { value }, written(mended));
  } catch (error) {
    return JSON.stringify({ code: error.code || String(error) });
  }
};

(async () => {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    console.log(await outcome(JSON.parse(line)));
  }
})();
