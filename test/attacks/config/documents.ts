import { readObjects } from "../../../src/dialects/kubernetes/read.ts";
import { readBootstrap } from "../../../src/proxy/bootstrap.ts";
import { httpListener } from "../../support/proxy-setup.ts";

/** A file that means harm, and what is said of it. */
export interface HostileDocument {
  readonly name: string;
  readonly source: string;
  /** `taken`, or the first words of the first problem. */
  readonly verdict: RegExp;
  readonly text: () => string;
}

/** What the proxy says of a bootstrap. */
export function readAsBootstrap(text: string): string {
  const { bootstrap, diagnostics } = readBootstrap(text, "hostile.yaml");
  if (bootstrap !== undefined) return "taken";
  const [first] = diagnostics;
  return `${first?.path ?? ""}: ${first?.message ?? ""}`;
}

/** What the control plane says of Kubernetes objects. */
export function readAsObjects(text: string): string {
  const { objects, diagnostics } = readObjects([{ file: "hostile.yaml", text }]);
  if (diagnostics.length === 0) return `taken: ${objects.length}`;
  return diagnostics[0]?.message ?? "";
}

const DEPTH = 100_000;
const LETTERS = "abcdefghi";

/** Nine levels of nine aliases each: 9^9 leaves. */
function aliases(indent: string): string {
  const first = `${indent}a: &a [${Array(9).fill("x").join()}]`;
  const more = [...LETTERS.slice(1)].map((name, i) => {
    return `${indent}${name}: &${name} [${Array(9).fill(`*${LETTERS[i]}`).join()}]`;
  });
  return [first, ...more].join("\n");
}

const metadata = (json: string): string => `{"node":{"id":"a","metadata":${json}}}`;

function matching(match: object): string {
  const routes = [{ match, direct_response: { status: 200 } }];
  return JSON.stringify({ static_resources: { listeners: [httpListener({ routes })] } });
}

const regex = (pattern: string): string => matching({ safe_regex: { regex: pattern } });
const port = (value: unknown): string =>
  JSON.stringify({
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: value } } },
  });

const POLLUTION = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';

export const BOOTSTRAPS: readonly HostileDocument[] = [
  {
    name: "aliases of aliases",
    source: "billion laughs",
    verdict: /metadata: too many aliases/,
    text: () => `node:\n  id: a\n  metadata:\n${aliases("    ")}`,
  },
  {
    name: "an alias of what it stands in",
    source: "YAML 1.2.2 section 3.2.2.2",
    verdict: /metadata: too many aliases/,
    text: () => "node: &n\n  id: a\n  metadata:\n    x: *n\n",
  },
  {
    name: "JSON of 100,000 levels",
    source: "CVE-2026-48042",
    verdict: /./,
    text: () => metadata("[".repeat(DEPTH) + "]".repeat(DEPTH)),
  },
  {
    name: "JSON that never closes",
    source: "CVE-2026-48042",
    verdict: /./,
    text: () => '{"a":'.repeat(DEPTH),
  },
  {
    name: "100,000 keys of one mapping",
    source: "quadratic comparison",
    verdict: /^taken$/,
    text: () => metadata(`{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join()}}`),
  },
  {
    name: "keys of Object's prototype",
    source: "CVE-2026-21710",
    verdict: /^taken$/,
    text: () => metadata(POLLUTION),
  },
  {
    name: "a merge key of them",
    source: "CVE-2025-64718",
    verdict: /^taken$/,
    text: () => "node:\n  id: a\n  metadata:\n    <<: {__proto__: {polluted: 1}}\n",
  },
  {
    name: "__proto__ as a field",
    source: "prototype pollution",
    verdict: /__proto__: is no field/,
    text: () => '{"__proto__":{"polluted":1},"node":{"id":"a"}}',
  },
  {
    name: "a tag that asks for code",
    source: "CVE-2013-4660",
    verdict: /node: is no mapping/,
    text: () => "node: !!js/function 'function () { polluted = 1 }'\n",
  },
  {
    name: "a key twice",
    source: "CVE-2017-12635",
    verdict: /unique/,
    text: () => '{"node":{"id":"a"},"node":{"id":"b"}}',
  },
  {
    name: "port 70000",
    source: "row 108",
    verdict: /port_value: is out of range/,
    text: () => port(70_000),
  },
  { name: "port -1", source: "row 108", verdict: /socket_address/, text: () => port(-1) },
  { name: "port 1e400", source: "row 108", verdict: /socket_address/, text: () => port("1e400") },
  {
    name: "an expression that V8 needs years for",
    source: "ReDoS",
    verdict: /^taken$/,
    text: () => regex("(a+)+$"),
  },
  {
    name: "an expression with look-ahead",
    source: "RE2 syntax",
    verdict: /regex: is no regular expression/,
    text: () => regex("(?=a)b"),
  },
  {
    name: "an expression of 16 MB",
    source: "ReDoS",
    verdict: /regex: is no regular expression: is too long/,
    text: () => regex(Array.from({ length: 2_000_000 }, (_, i) => `w${i}`).join("|")),
  },
  {
    name: "repetitions of repetitions",
    source: "ReDoS",
    verdict: /regex: is no regular expression/,
    text: () => regex("((a{0,100}){0,100}){0,100}"),
  },
  {
    name: "20,000 parentheses",
    source: "a stack that overflows",
    verdict: /regex: is no regular expression/,
    text: () => regex(`${"(".repeat(20_000)}a${")".repeat(20_000)}`),
  },
  { name: "bytes that are no text", source: "fuzzing", verdict: /./, text: () => "\0\xff\xfe\0" },
];

/** The same for what people write. */
export const OBJECTS: readonly HostileDocument[] = [
  {
    name: "aliases of aliases",
    source: "billion laughs",
    verdict: /cannot be expanded/,
    text: () => `kind: Service\n${aliases("")}`,
  },
  {
    name: "an alias of what it stands in",
    source: "YAML 1.2.2 section 3.2.2.2",
    verdict: /./,
    text: () => "&n\nkind: Service\nmetadata: *n\n",
  },
  {
    name: "100,000 levels",
    source: "CVE-2026-48042",
    verdict: /./,
    text: () => "[".repeat(DEPTH) + "]".repeat(DEPTH),
  },
  {
    name: "100,000 keys of one mapping",
    source: "quadratic comparison",
    verdict: /^taken: 1$/,
    text: () => {
      const keys = Array.from({ length: 100_000 }, (_, i) => `  k${i}: "1"`).join("\n");
      return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n${keys}\n`;
    },
  },
  {
    name: "keys of Object's prototype",
    source: "CVE-2026-21710",
    verdict: /^taken: 1$/,
    text: () =>
      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":${POLLUTION}}`,
  },
  {
    name: "a merge key of them",
    source: "CVE-2025-64718",
    verdict: /^taken: 1$/,
    text: () =>
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n<<: {__proto__: {polluted: 1}}\n",
  },
  {
    name: "10,001 documents",
    source: "row 97",
    verdict: /Too many documents/,
    text: () => "---\nkind: a\n".repeat(10_001),
  },
  {
    name: "lists in lists",
    source: "row 97",
    verdict: /nested too deeply/,
    text: () => {
      const open = '{"apiVersion":"v1","kind":"List","items":['.repeat(6);
      return `${open}${"]}".repeat(6)}`;
    },
  },
  {
    name: "17 MiB",
    source: "row 97",
    verdict: /too large/,
    text: () => `a: ${"b".repeat(17 * 1024 * 1024)}`,
  },
];
