// The reference implementation, with ajv where a schema is given, at one document. One JSON question a line, one JSON answer a line:
// first the work, then {"reply": true} for what it gives, or {"times": n} for the CPU time of n runs.
import { createInterface } from "node:readline";

async function prepared({ expression, schema, bindings, body }) {
  const { default: jsonata } = await import("jsonata");
  const validate = schema ? await validator(schema) : () => true;
  const compiled = jsonata(expression);
  return async () => {
    const reply = await compiled.evaluate(body, bindings);
    return { reply, valid: validate(reply) };
  };
}

async function validator(schema) {
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const { default: addFormats } = await import("ajv-formats");
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);
  return ajv.compile(schema);
}

async function timed(run, times) {
  const start = process.cpuUsage();
  for (let i = 0; i < times; i++) {
    await run();
  }
  const { user, system } = process.cpuUsage(start);
  return { seconds: (user + system) / 1e6 };
}

let run;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  if (run === undefined) {
    try {
      run = await prepared(asked);
      answer = {};
    } catch (error) {
      const missing = error.code === "ERR_MODULE_NOT_FOUND";
      answer = { absent: missing ? "its packages are not installed: npm ci --prefix tests/bench" : String(error) };
    }
  } else {
    answer = asked.reply ? await run() : await timed(run, asked.times);
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
