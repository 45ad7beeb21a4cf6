/**
 * `npm run attacks`: does every attack again and again for half a second, and writes what came of
 * it into docs/attacks.md. With `--only WORDS`: those whose name has them, on the terminal alone.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Arena, type Toll } from "./arena/arena.ts";
import type { Attack } from "./arena/attack.ts";
import { percentile } from "./arena/good-clients.ts";
import { ATTACKS } from "./attack-list.ts";
import { BOOTSTRAPS, OBJECTS } from "./config/documents.ts";
import { PUSHES } from "./config/pushes.ts";

const DOCUMENT: string = fileURLToPath(new URL("../../docs/attacks.md", import.meta.url));
const ROUND_MS = 500;
const ROUNDS_MAX = 40;
const MIB = 1024 * 1024;

const HEAD = `# Attacks

What hostile clients, endpoints and configuration do to Outrigger, and what comes of it.
\`npm run attacks\` writes this page. \`test/attacks\` does each of them once with every
\`npm test\`, and fails where a verdict or a bound is not held, or somebody else not answered.

The proxy runs as a process of its own, with one worker. Attackers share no code with it: they
write bytes. While they do, a client of HTTP/1.1 and one of HTTP/2 go on asking, from another
thread, and every one of their requests is answered. Behind the proxy a ledger holds every request
that reaches an origin. When an attack is over, all gauges of connections and requests are back at
zero.

What callers try to talk the mesh's authority into, and proxies the control plane, is in
\`test/attacks/control\`, as tests alone.

- **verdict**: what the attacker is told. Codes are HTTP/2's (RFC 9113 section 7), numbers are
  statuses.
- **CPU**: what the proxy spent, as a multiple of what plain requests of as many bytes and
  connections cost it. Envoy's threat model calls 100 an amplification; that is the test's bound.
- **memory**: what the process grew by at most, in MiB.
- **others' p50, p99**: what the well-behaved clients waited, in milliseconds, with everything on
  the two cores of one machine, which may have had other work: compare rows, not machines.
`;

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Again and again, as one. */
async function enduredFor(arena: Arena, { run }: Attack): Promise<Toll> {
  const tolls: Toll[] = [];
  const end = performance.now() + ROUND_MS;
  do tolls.push(await arena.endure(run));
  while (performance.now() < end && tolls.length < ROUNDS_MAX);
  const sum = (of: (toll: Toll) => number): number => tolls.reduce((all, one) => all + of(one), 0);
  const latencies = tolls.flatMap(({ good }) => good.latencies).sort((a, b) => a - b);
  const verdicts = [...new Set(tolls.map(({ verdict }) => verdict))];
  return {
    ...(tolls[0] as Toll),
    verdict: verdicts.join(" or "),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    plainMs: sum(({ plainMs }) => plainMs),
    rssGrowth: Math.max(...tolls.map(({ rssGrowth }) => rssGrowth)),
    good: { sent: 0, answered: 0, failures: [], latencies },
  };
}

function rowOf({ name, source }: Attack, toll: Toll): string {
  const { cpuMs, good, plainMs, rssGrowth, verdict } = toll;
  const waited = (percent: number): string => percentile(good.latencies, percent).toFixed(1);
  const cpu = Math.max(0, cpuMs / plainMs).toFixed(2);
  return line([name, source, verdict, cpu, (rssGrowth / MIB).toFixed(1), waited(50), waited(99)]);
}

/** Tables of what is not sent to a running proxy again and again. */
function configuration(): string {
  const table = (title: string, rows: readonly string[]): string =>
    [`## ${title}\n`, line(["attack", "answer"]), line(["---", "---"]), ...rows, ""].join("\n");
  const said = ({ name, verdict }: { readonly name: string; readonly verdict: RegExp }): string =>
    line([name, verdict.source === "." ? "refused" : `\`${verdict.source}\``]);
  return [
    table("Hostile bootstrap files", BOOTSTRAPS.map(said)),
    table("Hostile Kubernetes objects", OBJECTS.map(said)),
    table("Hostile control planes: the NACK, while what ran before goes on", PUSHES.map(said)),
  ].join("\n");
}

const [option, only = ""] = process.argv.slice(2);
const arena = await Arena.open();
const sections: string[] = [];
for (const { room, attacks } of ATTACKS) {
  const columns = ["attack", "known by", "verdict", "CPU", "memory", "others' p50", "p99"];
  const rows = [line(columns), line(columns.map(() => "---"))];
  for (const attack of attacks) {
    if (!`${room}: ${attack.name}`.includes(only)) continue;
    rows.push(rowOf(attack, await enduredFor(arena, attack)));
    console.log(rows.at(-1));
  }
  sections.push(`## ${room}\n\n${rows.join("\n")}\n`);
}
const { latencies } = arena.quiet;
const [p50, p99] = [50, 99].map((percent) => percentile(latencies, percent).toFixed(1));
const quiet = `While nobody attacks, they wait ${p50} ms at p50 and ${p99} ms at p99.\n`;
await arena.close();
if (option === undefined) {
  writeFileSync(DOCUMENT, [HEAD, quiet, ...sections, configuration()].join("\n"));
}
