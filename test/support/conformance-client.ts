/**
 * COMMAND of the Gateway API's conformance run: a client pod that runs a plan and prints what came
 * of it as JSON. `node conformance-client.ts PLAN.json`.
 */
import { readFileSync } from "node:fs";
import { type ConformancePlan, type ConformanceResult, runConformance } from "./conformance.ts";

const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ConformancePlan;
const results: ConformanceResult[] = [];
for (const test of plan.tests) results.push(...(await runConformance(test, plan.folder, {})));
process.stdout.write(`${JSON.stringify(results)}\n`);
