/**
 * Fuzzes the codecs: `npm run fuzz -- --seconds 60 --target h1-request --seed 1`. All targets in
 * turn where none is named. What breaks a rule is shortened, written to `corpus/` and told.
 */
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/base/random.ts";
import { fuzz } from "./fuzzer.ts";
import { saveInput } from "./saved-inputs.ts";
import { TARGETS } from "./targets.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    target: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});

const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  throw new Error("--seconds takes a number above 0, --seed a whole number");
}
const chosen = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
if (chosen.length === 0) {
  throw new Error(`--target takes one of ${TARGETS.map(({ name }) => name).join(", ")}`);
}

for (const target of chosen) {
  const end = performance.now() + (seconds * 1000) / chosen.length;
  const random = new SeededRandom(seed);
  const { executions, kinds, finding } = await fuzz(target, random, () => performance.now() < end);
  console.log(`${target.name}: seed ${seed}, ${executions} executions, ${kinds} kinds of outcome`);
  if (finding === undefined) continue;
  const file = saveInput(target.name, finding.input, finding.error.message);
  console.log(`${file}\n${JSON.stringify(finding.input.toString("latin1"))}`);
  console.log(finding.error.stack);
  process.exitCode = 1;
}
