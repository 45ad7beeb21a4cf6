/** What `npm run bench` is asked for. */
import { parseArgs } from "node:util";
import { CURVES } from "./growth/curve.ts";
import { SCENARIOS } from "./scenario/all.ts";

const USAGE = `npm run bench -- [growth | allocation | breaker] [--only NAME]... [--quick]
                 [--rounds N] [--seconds N] [--markdown | --json]
growth draws charts into docs/performance/: ${CURVES.map(({ name }) => name).join(", ")}.
allocation counts heap bytes a request.
breaker measures the circuit breaker of the library, beside opossum and cockatiel.
Otherwise tables: ${SCENARIOS.map(({ name }) => name).join(", ")}.
--json prints all reports as one line of JSON after the tables.`;

const WHATS = ["tables", "growth", "allocation", "breaker"] as const;

type What = (typeof WHATS)[number];

export interface Options {
  readonly what: What;
  /** All where it is empty. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly quick: boolean;
  readonly json: boolean;
  readonly markdown: boolean;
}

function count(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text}: not a count\n${USAGE}`);
  return value;
}

/** @throws Error with the usage, where it is asked for something else. */
export function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
    },
  });
  const [word = "tables"] = positionals;
  const what = WHATS.find((known) => known === word);
  if (what === undefined) throw new Error(`${word}: not known\n${USAGE}`);
  const growth = what === "growth";
  const names: readonly string[] = (growth ? CURVES : SCENARIOS).map(({ name }) => name);
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown}: no such benchmark\n${USAGE}`);
  const { only, quick, json, markdown } = values;
  const rounds = quick ? 3 : 7;
  return {
    ...{ what, only, quick, json, markdown },
    rounds: count(values.rounds, growth ? Math.ceil(rounds / 3) : rounds),
    seconds: count(values.seconds, quick ? (growth ? 1 : 2) : 5),
  };
}
