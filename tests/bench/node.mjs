// The reference implementation and ajv, at one page. One JSON question a line, one JSON answer a line:
// first the work, then {"reply": true} for what it gives, or {"times": n} for how long n runs take.
import { createInterface } from "node:readline";

async function prepared({ expression, schema, period, body }) {
  const { default: jsonata } = await import("jsonata");
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const { default: addFormats } = await import("ajv-formats");
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);
  const validate = ajv.compile(schema);
  const compiled = jsonata(expression);
  return async () => {
    const reply = await compiled.evaluate(body, { period });
    return { reply, valid: validate(reply) };
  };
}

async function timed(run, times) {
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    await run();
  }
  return { seconds: (performance.now() - start) / 1000 };
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
