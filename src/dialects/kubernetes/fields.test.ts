import { describe, expect, it } from "vitest";
import { type Diagnostic, formatDiagnostic } from "../../base/diagnostic.ts";
import { fieldTable, nearestName } from "./field-table.ts";
import { Fields } from "./fields.ts";
import { readObjects } from "./read.ts";

const OBJECT = fieldTable({ executed: ["apiVersion", "kind", "metadata", "spec"] });
const SPEC = fieldTable({
  executed: ["text", "count", "share", "word", "labels", "inner", "items", "texts"],
  accepted: ["quiet"],
  reported: ["later"],
  refused: ["never"],
});
const INNER = fieldTable({ executed: ["name"] });

/** The mapping under test, and what was found while `read` looked at it. */
function findings(spec: string, read: (fields: Fields<keyof typeof SPEC>) => unknown): string {
  const text = `apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: ${spec}\n`;
  const report: Diagnostic[] = [];
  for (const object of readObjects([{ file: "a.yaml", text }]).objects) {
    const fields = Fields.ofObject(object, OBJECT, report).mapping("spec", SPEC);
    if (fields !== undefined) read(fields);
  }
  return report.map(formatDiagnostic).join("\n");
}

describe("reading fields", () => {
  const cases: {
    name: string;
    spec: string;
    read?: (fields: Fields<keyof typeof SPEC>) => unknown;
    says: RegExp | "";
  }[] = [
    { name: "accepts what is harmless without a word", spec: "{quiet: 1}", says: "" },
    { name: "takes null for absence", spec: "{never: null, unknown: null}", says: "" },
    {
      name: "reports an unknown field at its key",
      spec: "{tex: 1}",
      says: /a.yaml:4:8: error.*`tex`[\s\S]*did you mean `text`/,
    },
    {
      name: "suggests nothing far off",
      spec: "{completelyElse: 1}",
      says: /^(?![\s\S]*did you mean)/,
    },
    { name: "warns of what is not executed", spec: "{later: 1}", says: /warning OUT0201: `later`/ },
    {
      name: "refuses what must not be left out",
      spec: "{never: 1}",
      says: /error OUT0202: `never`/,
    },
    {
      name: "wants a string to be one",
      spec: "{text: 5}",
      read: (f) => f.string("text"),
      says: /found {4}the number 5/,
    },
    {
      name: "wants a pattern kept",
      spec: "{text: A}",
      read: (f) => f.string("text", { pattern: /^a$/, allowed: "an a" }),
      says: /allowed {2}an a/,
    },
    {
      name: "wants a length kept",
      spec: "{text: abc}",
      read: (f) => f.string("text", { lengthMax: 2 }),
      says: /longer than 2/,
    },
    {
      name: "wants what is required",
      spec: "{}",
      read: (f) => f.requiredString("text"),
      says: /`text` is required/,
    },
    {
      name: "takes no empty text for a required one",
      spec: '{text: ""}',
      read: (f) => f.requiredString("text"),
      says: /empty/,
    },
    {
      name: "wants whole numbers",
      spec: "{count: 1.5}",
      read: (f) => f.integer("count"),
      says: /a whole number/,
    },
    {
      name: "wants numbers in range",
      spec: "{share: 101}",
      read: (f) => f.number("share", { min: 0, max: 100 }),
      says: /from 0 to 100/,
    },
    {
      name: "wants a known word",
      spec: "{word: ranom}",
      read: (f) => f.word("word", ["random", "first"]),
      says: /did you mean random/,
    },
    {
      name: "wants labels to be strings",
      spec: "{labels: {a: true}}",
      read: (f) => f.labels("labels"),
      says: /spec.labels.a[\s\S]*in quotes: "true" \(y, yes and on mean true too\)/,
    },
    {
      name: "wants a mapping",
      spec: "{inner: []}",
      read: (f) => f.mapping("inner", INNER),
      says: /found {4}the list \[\]/,
    },
    {
      name: "wants a list",
      spec: "{items: {}}",
      read: (f) => f.mappings("items", INNER),
      says: /a list/,
    },
    {
      name: "wants mappings in a list",
      spec: "{items: [1]}",
      read: (f) => f.mappings("items", INNER),
      says: /spec.items\[0\]/,
    },
    {
      name: "wants strings in a list",
      spec: "{texts: [a, 1]}",
      read: (f) => f.strings("texts"),
      says: /spec.texts\[1\]/,
    },
  ];
  it.each(cases)("$name", ({ spec, read = () => undefined, says }) => {
    const found = findings(spec, read);
    if (says === "") expect(found).toBe("");
    else expect(found).toMatch(says);
  });

  it("finds every mistake of a mapping in one pass", () => {
    const found = findings("{text: 1, count: x, items: [{name: 2, nam: 3}]}", (fields) => {
      fields.string("text");
      fields.integer("count");
      for (const item of fields.mappings("items", INNER)) item.string("name");
    });
    expect(found.match(/OUT0106/g)).toHaveLength(4);
  });

  it("shortens what it quotes to one line", () => {
    const found = findings(`{text: ["${"x".repeat(200)}"]}`, (fields) => fields.string("text"));
    expect(Math.max(...found.split("\n").map((line) => line.length))).toBeLessThan(110);
  });
});

describe("the nearest name", () => {
  it.each([
    ["wieght", ["weight", "service"], "weight"],
    ["selectors", ["selector", "ports"], "selector"],
    ["MATCHLABELS", ["matchLabels"], "matchLabels"],
    ["x", ["name", "port"], undefined],
    ["host", ["name", "gateways"], undefined],
  ])("of %s among %j is %s", (name, known, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });
});
