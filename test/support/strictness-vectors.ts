import { readFileSync } from "node:fs";
import { wireBytes } from "./vector-file.ts";

/** An input, and what has to come of it; `test/vectors/http1/README.md` explains the lines. */
export interface StrictnessVector {
  /** The heading, and which of its inputs it is. */
  readonly name: string;
  /** What stands behind the input's fence, as `method=HEAD close`. */
  readonly options: readonly string[];
  readonly input: string;
  readonly statuses: readonly number[];
  readonly closed: boolean;
  readonly sees: readonly string[];
  readonly has: readonly string[];
  readonly lacks: readonly string[];
  /** Of `responses.md`: what the client gets behind the last head; undefined: whatever. */
  readonly body: string | undefined;
  readonly upstream: string | undefined;
}

const SECTION = /^## (?<title>.+)\n(?<body>(?:(?!^## )[\s\S])*)/gm;
const CASE =
  /^```http(?<options>[^\n]*)\n(?<wire>[\s\S]*?)^```\n```verdict\n(?<verdict>[\s\S]*?)^```$/gm;
const RESPONSE = /^(?<status>\d{3}) (?<after>open|closed)$/;

/** Reads the cases of a file. Throws where a heading has no harmless one, or no other. */
export function readStrictnessVectors(path: URL): readonly StrictnessVector[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(SECTION)].flatMap(({ groups = {} }) => {
    const title = groups.title ?? "";
    const cases = [...(groups.body ?? "").matchAll(CASE)];
    const fences = groups.body?.match(/^```http\b/gm)?.length ?? 0;
    const vectors = cases.map((one, i) => vectorOf(`${title} (${i + 1})`, one.groups ?? {}));
    const harmless = vectors.filter(({ closed }) => !closed).length;
    if (fences !== cases.length || harmless === 0 || cases.length < 2) {
      throw new Error(`${title}: ${fences} inputs, ${cases.length} cases, ${harmless} harmless`);
    }
    return vectors;
  });
}

function vectorOf(name: string, groups: Partial<Record<string, string>>): StrictnessVector {
  const lines = (groups.verdict ?? "").trimEnd().split("\n");
  const responses = lines.flatMap((line) => {
    const { status, after: kept } = RESPONSE.exec(line)?.groups ?? {};
    return status === undefined ? [] : [{ status: Number(status), kept }];
  });
  const after = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => unescaped(line, word));
  return {
    name,
    options: (groups.options ?? "").trim().split(" "),
    input: wireText(groups.wire ?? ""),
    statuses: responses.map(({ status }) => status),
    closed: lines.includes("closed") || responses.at(-1)?.kept === "closed",
    sees: after("sees"),
    has: after("has"),
    lacks: after("lacks"),
    body: lines.includes("body") ? "" : after("body")[0],
    upstream: after("upstream")[0],
  };
}

function unescaped(line: string, word: string): string {
  return wireText(line.slice(word.length + 1)).replaceAll("\r\n\\", "");
}

function wireText(text: string): string {
  return wireBytes(repeated(text)).toString("latin1");
}

/** From the inside out. */
function repeated(text: string): string {
  const REPEAT = /\{([^{}]*)\*(\d+)\}/;
  let grown = text;
  for (let found = REPEAT.exec(grown); found !== null; found = REPEAT.exec(grown)) {
    const [whole, part = "", times] = found;
    grown = grown.replace(whole, () => part.repeat(Number(times)));
  }
  return grown;
}
