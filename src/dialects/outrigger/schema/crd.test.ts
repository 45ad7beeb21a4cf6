import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import {
  filledIn,
  misfits,
  structuralProblems,
} from "../../../../test/support/structural-schema.ts";
import { DEFAULT_SETTINGS } from "../../../model/mesh.ts";
import { readObjects } from "../../kubernetes/read.ts";
import { outrigger } from "../outrigger.ts";
import { CIRCUIT_BREAKER_SPEC } from "./circuit-breaker.ts";
import { type JsonSchema, schemaOf } from "./crd.ts";
import { crdFiles } from "./crd-files.ts";
import type { Field } from "./field.ts";
import { KINDS_OF_OURS } from "./kinds.ts";

const SCHEMA = schemaOf(CIRCUIT_BREAKER_SPEC);

function read(spec: unknown) {
  const object = {
    apiVersion: "outrigger.dev/v1alpha1",
    kind: "CircuitBreaker",
    metadata: { name: "a", namespace: "default" },
    spec,
  };
  const { objects } = readObjects([{ file: "a.yaml", text: stringify(object) }]);
  return outrigger.translate(objects, { settings: DEFAULT_SETTINGS, services: [] });
}

describe.each(crdFiles())("$path", ({ path, text }) => {
  it("is what the table says: npm run crds writes it", () => {
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("is structural, with defaults that fit", () => {
    const [version] = parse(text).spec.versions;
    expect(structuralProblems(version.schema.openAPIV3Schema)).toEqual([]);
  });

  it("names its object as Kubernetes asks: plural and group", () => {
    const { metadata, spec } = parse(text);
    expect(metadata.name).toBe(`${spec.names.plural}.${spec.group}`);
  });
});

describe("the check of structure", () => {
  it.each<[string, JsonSchema, RegExp]>([
    ["no type", { properties: {} }, /a type is required/],
    ["a reference", { type: "object", $ref: "#/a" }, /\$ref is not allowed/],
    ["a bad default", { type: "integer", default: "5" }, /is no integer/],
    ["an unknown requirement", { type: "object", properties: {}, required: ["a"] }, /no property/],
    ["a lookahead", { type: "string", pattern: "(?=a)" }, /RE2/],
    ["an array of nothing", { type: "array" }, /needs items/],
  ])("finds %s", (_, schema, problem) => {
    expect(structuralProblems(schema).join()).toMatch(problem);
  });
});

/** A value that the field allows, and values that it does not. */
function examples(field: Field): { readonly good: unknown; readonly bad: readonly unknown[] } {
  switch (field.type) {
    case "integer":
      return { good: field.min, bad: [field.min - 1, field.max + 1, "5", 1.5] };
    case "boolean":
      return { good: true, bad: ["true"] };
    case "word":
      return { good: field.words[0], bad: ["Nonsense", 1] };
    case "text":
      return { good: "abc", bad: ["x".repeat(field.maxBytes + 1), 1] };
    case "duration":
      return { good: "1s", bad: ["1", 1, "1.5s", "soon", "99999h"] };
    case "bytes":
      return { good: "64Ki", bad: ["64K", "1Gi", "-1"] };
    case "statuses":
      return { good: "5xx", bad: ["6xx", "5XX", "50", "500-", "abc"] };
    case "headers":
      return { good: { "x-a": "b" }, bad: [{ "x-a": 1 }, { "x-a": "b\nc" }] };
    case "list":
      return { good: [examples(field.items).good], bad: ["a", { a: 1 }] };
    case "object":
      return { good: whole(field), bad: ["a", []] };
  }
}

/** Of each choice the first alone. */
function whole(field: Field & { type: "object" }): Record<string, unknown> {
  const rules = field.rules ?? [];
  const left = new Set(
    rules.flatMap((rule) => (rule.kind === "exactlyOne" ? rule.names.slice(1) : rule.others)),
  );
  const entries = Object.entries(field.properties)
    .filter(([name]) => !left.has(name) && name !== "sectionName")
    .map(([name, inner]) => [name, exampleOf(name, inner)]);
  return Object.fromEntries(entries);
}

/** What refers to something must fit: the rest is as its type says. */
function exampleOf(name: string, field: Field): unknown {
  if (name === "group") return "";
  return name === "namespace" ? "default" : examples(field).good;
}

const GOOD = whole(CIRCUIT_BREAKER_SPEC);

/** Every field of the spec, by the way to it. */
function leaves(
  field: Field,
  path: readonly (string | number)[] = [],
): [string, unknown[], Field][] {
  const here: [string, unknown[], Field] = [path.join("."), [...path], field];
  if (field.type === "list") return [here, ...leaves(field.items, [...path, 0])];
  if (field.type !== "object") return [here];
  const inner = Object.entries(field.properties).filter(([name]) => name !== "sectionName");
  const all = inner.flatMap(([name, each]) => leaves(each, [...path, name]));
  return path.length === 0 ? all : [here, ...all];
}

/** The good spec with another value at one place, and without what that excludes. */
function withValue(path: readonly unknown[], value: unknown): Record<string, unknown> {
  const spec = structuredClone(GOOD);
  if (path[0] === "fallback" && path.length > 1) spec.fallback = {};
  if (path[0] === "open") spec.open = {};
  let at: Record<string, unknown> = spec;
  for (const step of path.slice(0, -1)) {
    at[String(step)] ??= {};
    at = at[String(step)] as Record<string, unknown>;
  }
  if (path[0] === "fallback" && path[1] === "service" && path.length > 2) at.name = "a";
  at[String(path.at(-1))] = value;
  return spec;
}

describe("the reader and the published schema", () => {
  it("take the same object with everything in it", () => {
    expect(read(GOOD).diagnostics).toEqual([]);
    expect(misfits(GOOD, SCHEMA)).toEqual([]);
  });

  it.each(leaves(CIRCUIT_BREAKER_SPEC))("allow the same at %s", (_, path, field) => {
    const name = String(path.at(-1));
    const spec = withValue(path, exampleOf(name, field));
    expect(read(spec).diagnostics).toEqual([]);
    expect(misfits(spec, SCHEMA)).toEqual([]);
  });

  it.each(leaves(CIRCUIT_BREAKER_SPEC))("refuse the same at %s", (_, path, field) => {
    for (const bad of examples(field).bad) {
      const spec = withValue(path, bad);
      expect({ bad, read: read(spec).diagnostics.length > 0 }).toEqual({ bad, read: true });
      const rules = celText(field);
      // What the types cannot say, CEL does.
      if (rules === "")
        expect({ bad, misfits: misfits(spec, SCHEMA) }).not.toEqual({ bad, misfits: [] });
    }
  });

  it("mean the same by what is left out", () => {
    const bare = { targetRefs: [{ kind: "Service", name: "ratings" }] };
    const filled = filledIn(bare, SCHEMA);
    expect(filled).not.toEqual(bare);
    expect(read(filled).diagnostics).toEqual([]);
    expect(read(filled).circuitBreakers?.[0]?.circuit).toEqual(
      read(bare).circuitBreakers?.[0]?.circuit,
    );
  });

  it("has CEL for each choice that the reader holds to", () => {
    const text = JSON.stringify(SCHEMA);
    expect(text).toContain(
      "[has(self.static), has(self.service), has(self.lastGood)].filter(given, given).size() == 1",
    );
    expect(text).toContain(
      "!has(self.consecutiveErrors) || !(has(self.requestVolume) || has(self.errorPercentage))",
    );
  });

  it("describes every field", () => {
    for (const kind of KINDS_OF_OURS) {
      for (const [path, , field] of leaves(kind.spec)) {
        expect({ path, is: /\.$/.test(field.description) }).toEqual({ path, is: true });
      }
    }
  });
});

function celText(field: Field): string {
  return JSON.stringify(schemaOf(field)["x-kubernetes-validations"] ?? "").replaceAll('"', "");
}
