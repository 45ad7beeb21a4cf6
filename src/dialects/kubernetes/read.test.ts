import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import { readObjects } from "./read.ts";

function read(text: string, file = "a.yaml") {
  const { objects, diagnostics } = readObjects([{ file, text }]);
  return { objects, messages: diagnostics.map(formatDiagnostic) };
}

const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

describe("reading documents", () => {
  it("reads several documents and skips empty ones", () => {
    const { objects, messages } = read(
      `---\n${CONFIG_MAP}---\n# nothing\n---\n${CONFIG_MAP.replace("name: a", "name: b")}`,
    );
    expect(messages).toEqual([]);
    expect(objects.map((object) => object.name)).toEqual(["a", "b"]);
    expect(objects[1]?.positionOf([])).toEqual({ file: "a.yaml", line: 8, column: 1 });
  });

  it("gives objects without namespace the default one, and cluster kinds none", () => {
    const { objects } = read(
      `${CONFIG_MAP}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}`,
    );
    expect(objects.map((object) => object.namespace)).toEqual(["default", ""]);
  });

  it("splits apiVersion into group and version", () => {
    const { objects } = read(CONFIG_MAP.replace("v1", "apps/v1"));
    expect(objects[0]).toMatchObject({ group: "apps", version: "v1", apiVersion: "apps/v1" });
    expect(read(CONFIG_MAP).objects[0]).toMatchObject({ group: "", version: "v1" });
  });

  it("reads the items of a List, and of a typed list that leaves their kind out", () => {
    const { objects, messages } = read(`apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ServiceList
  items:
  - metadata: {name: a}
    spec: {ports: []}
`);
    expect(messages).toEqual([]);
    expect(objects[0]).toMatchObject({ kind: "Service", apiVersion: "v1", name: "a" });
    expect(objects[0]?.positionOf(["spec", "ports"])).toMatchObject({ line: 8, column: 19 });
  });

  it("follows anchors, aliases and merge keys, and knows where their values stand", () => {
    const { objects, messages } = read(`apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  labels: &labels
    app: x
spec:
  selector: *labels
  more:
    <<: *labels
    tier: web
`);
    expect(messages).toEqual([]);
    expect(objects[0]?.value.spec).toEqual({
      selector: { app: "x" },
      more: { app: "x", tier: "web" },
    });
    expect(objects[0]?.positionOf(["spec", "selector", "app"]).line).toBe(6);
    expect(objects[0]?.positionOf(["spec", "more", "app"]).line).toBe(6);
    expect(objects[0]?.positionOf(["spec", "more", "tier"]).line).toBe(11);
  });

  it("reads JSON, tabs included", () => {
    const { objects, messages } = read(
      '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"metadata": {"name": "a"}\n}',
      "a.json",
    );
    expect(messages).toEqual([]);
    expect(objects[0]).toMatchObject({ kind: "Pod", name: "a" });
  });

  it("places a missing field at its closest parent, an entry's key at the key", () => {
    const { objects } = read(CONFIG_MAP);
    expect(objects[0]?.positionOf(["metadata", "labels", "x"])).toMatchObject({
      line: 3,
      column: 11,
    });
    expect(objects[0]?.keyPositionOf(["metadata"])).toMatchObject({ line: 3, column: 1 });
  });

  it("carries the author's rationale in every origin", () => {
    const { objects } = read(
      CONFIG_MAP.replace("name: a", "name: a, annotations: {outrigger.dev/rationale: because}"),
    );
    expect(objects[0]?.origin(["metadata", "labels", "a.b/c"])).toMatchObject({
      path: 'metadata.labels["a.b/c"]',
      rationale: "because",
    });
  });
});

describe("what cannot be read", () => {
  const head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
    .split("")
    .map((name, i) => `${name}: &${name} [${`*${"abcdefg"[i]},`.repeat(9)}]`)
    .join("\n")}`;
  const cases = [
    { name: "a syntax error", text: "a: [1,\nb: 2", says: /^a.yaml:\d+:\d+: error OUT0100: YAML/ },
    {
      name: "a key written twice",
      text: `${head}kind: Pod\n`,
      says: /a.yaml:5:1.*keys must be unique/,
    },
    {
      name: "a document that is a string",
      text: "hello",
      says: /OUT0101.*not a Kubernetes object/,
    },
    {
      name: "an object without kind",
      text: "apiVersion: v1\nmetadata: {name: a}",
      says: /`kind` is required/,
    },
    {
      name: "an object without name",
      text: "apiVersion: v1\nkind: Pod\nmetadata: {}",
      says: /`name` is required/,
    },
    {
      name: "a name in capitals",
      text: "apiVersion: v1\nkind: Pod\nmetadata: {name: Pod}",
      says: /found {4}Pod/,
    },
    {
      name: "an unknown metadata field",
      text: `${head}  label: {a: b}`,
      says: /a.yaml:5:3.*Unknown field `label`[\s\S]*did you mean `labels`/,
    },
    {
      name: "a label that is a number",
      text: `${head}  labels: {version: 1}`,
      says: /write it in quotes: "1"/,
    },
    {
      name: "a label that YAML 1.1 calls a boolean",
      text: `${head}  labels: {debug: yes}`,
      says: /the boolean true/,
    },
    {
      name: "a binary file",
      text: `${head}\n  \u007fELF\u0001\u0000`,
      says: /^a.yaml:6:3: error OUT0100[\s\S]*found {4}U\+007F/,
    },
    {
      name: "bytes that are not UTF-8",
      text: Buffer.from([0x61, 0x3a, 0xff]).toString(),
      says: /^a.yaml:1:3: error OUT0100[\s\S]*not UTF-8/,
    },
    {
      name: "a syntax error in a long text, shortened",
      text: `a: "b" ${"x".repeat(1000)}`,
      says: /^a.yaml:1:8: error OUT0100: YAML: .{1,160}$/,
    },
    { name: "an alias bomb", text: bomb, says: /OUT0102.*alias/i },
    {
      name: "endless nesting",
      text: "[".repeat(100_000),
      says: /OUT0102.*nested too deeply|OUT0100/,
    },
  ];
  it.each(cases)("reports $name", ({ text, says }) => {
    expect(read(text).messages.join("\n")).toMatch(says);
  });

  it("reports every error at once and reads the other documents", () => {
    const { objects, messages } = read(`kind: Pod\n---\n${CONFIG_MAP}`);
    expect(objects).toHaveLength(1);
    expect(messages).toHaveLength(2);
  });

  it("reads an object on whose name is wrong or missing: it may have more errors", () => {
    const text = ["{name: A_b}", "{}", "{}"].map(
      (metadata) => `kind: Pod\napiVersion: v1\nmetadata: ${metadata}\n`,
    );
    const { objects, messages } = read(text.join("---\n"));
    expect(objects.map(({ name }) => name)).toEqual(["A_b", "without name", "without name"]);
    expect(messages).toHaveLength(3);
  });

  it("keeps the last of two objects of one name and warns about the first", () => {
    const { objects, messages } = read(`${CONFIG_MAP}---\n${CONFIG_MAP}data: {x: z}`);
    expect(objects.map((object) => object.value.data)).toEqual([{ x: "z" }]);
    expect(messages[0]).toMatch(
      /a.yaml:1:1: warning OUT0104: ConfigMap default\/a is written again/,
    );
  });
});
