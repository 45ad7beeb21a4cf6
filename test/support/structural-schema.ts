import type { JsonSchema } from "../../src/dialects/outrigger/schema/crd.ts";

/**
 * What a Kubernetes API server refuses in the schema of a CustomResourceDefinition: the rules of
 * structural schemas (Kubernetes: "Specifying a structural schema") and of defaults. Empty: none.
 */
export function structuralProblems(schema: JsonSchema, at = "openAPIV3Schema"): readonly string[] {
  const inner = innerSchemas(schema);
  return [
    ...problemsOf(schema).map((problem) => `${at}: ${problem}`),
    ...inner.flatMap(([name, each]) => structuralProblems(each, `${at}.${name}`)),
  ];
}

function innerSchemas(schema: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  return [
    ...Object.entries(schema.properties ?? {}),
    ...(schema.items === undefined ? [] : [["items", schema.items] as const]),
    ...(schema.additionalProperties === undefined
      ? []
      : [["additionalProperties", schema.additionalProperties] as const]),
  ];
}

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    "type format description properties items additionalProperties required default enum pattern " +
    "minimum maximum minLength maxLength minItems maxItems maxProperties anyOf " +
    "x-kubernetes-int-or-string x-kubernetes-list-type x-kubernetes-validations"
  ).split(" "),
);
const TYPES: readonly unknown[] = ["object", "array", "string", "integer", "number", "boolean"];
const EITHER = JSON.stringify([{ type: "integer" }, { type: "string" }]);

function problemsOf(schema: JsonSchema): readonly string[] {
  const isEither = schema["x-kubernetes-int-or-string"] === true;
  const { additionalProperties, properties, required = [] } = schema;
  return [
    ...Object.keys(schema).flatMap((key) => (KEYWORDS.has(key) ? [] : [`${key} is not allowed`])),
    ...(isEither || TYPES.includes(schema.type) ? [] : ["a type is required"]),
    ...(isEither && schema.type !== undefined ? ["a type beside int-or-string"] : []),
    ...(isEither || schema.anyOf === undefined ? [] : ["anyOf is for int-or-string alone"]),
    ...(!isEither || JSON.stringify(schema.anyOf) === EITHER ? [] : ["anyOf has another form"]),
    ...(properties !== undefined && additionalProperties !== undefined
      ? ["properties and additionalProperties exclude each other"]
      : []),
    ...(schema.type === "array" && schema.items === undefined ? ["an array needs items"] : []),
    ...required
      .filter((name) => properties !== undefined && !(name in properties))
      .map((name) => `${name} is required and is no property`),
    ...(schema.default === undefined ? [] : misfits(schema.default, schema)),
    ...badPattern(schema.pattern),
  ];
}

function badPattern(pattern: unknown): readonly string[] {
  if (pattern === undefined) return [];
  if (typeof pattern !== "string") return ["the pattern is no text"];
  // RE2, which the API server uses, has neither of these.
  return /\(\?[=!<]|\\[1-9]/.test(pattern) ? ["the pattern is not RE2's"] : [];
}

/** A default has to be valid, and is pruned and filled in as any value. */
export function misfits(value: unknown, schema: JsonSchema): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) {
    return typeof value === "string" ? textMisfits(value, schema) : numberMisfits(value, schema);
  }
  switch (schema.type) {
    case "object":
      return objectMisfits(value, schema);
    case "array":
      return listMisfits(value, schema);
    case "string":
      return textMisfits(value, schema);
    case "integer":
      return numberMisfits(value, schema);
    case "boolean":
      return typeof value === "boolean" ? [] : [`${JSON.stringify(value)} is no boolean`];
    default:
      return [`nobody knows the type ${schema.type}`];
  }
}

function objectMisfits(value: unknown, schema: JsonSchema): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return ["is no object"];
  const { additionalProperties, properties = {}, required = [] } = schema;
  return [
    ...required.filter((name) => !(name in value)).map((name) => `${name} is missing`),
    ...Object.entries(value).flatMap(([name, each]) => {
      const inner = properties[name] ?? additionalProperties;
      return inner === undefined ? [`${name} is unknown`] : misfits(each, inner);
    }),
  ];
}

function listMisfits(value: unknown, schema: JsonSchema): readonly string[] {
  if (!Array.isArray(value)) return ["is no list"];
  const { items, maxItems, minItems } = schema;
  return [
    ...(value.length > Number(maxItems ?? value.length) ? ["is too long a list"] : []),
    ...(value.length < Number(minItems ?? 0) ? ["is too short a list"] : []),
    ...(items === undefined ? [] : value.flatMap((each) => misfits(each, items))),
  ];
}

function textMisfits(value: unknown, schema: JsonSchema): readonly string[] {
  if (typeof value !== "string") return [`${JSON.stringify(value)} is no string`];
  const { enum: words, maxLength, minLength, pattern } = schema;
  return [
    ...(Array.isArray(words) && !words.includes(value) ? [`${value} is not among its words`] : []),
    ...(value.length > Number(maxLength ?? value.length) ? ["is too long"] : []),
    ...(value.length < Number(minLength ?? 0) ? ["is too short"] : []),
    ...(typeof pattern === "string" && !new RegExp(pattern).test(value)
      ? [`${value} is not of its form`]
      : []),
  ];
}

function numberMisfits(value: unknown, { maximum, minimum }: JsonSchema): readonly string[] {
  if (!Number.isInteger(value)) return [`${JSON.stringify(value)} is no integer`];
  const number = Number(value);
  const isIn = number >= Number(minimum ?? number) && number <= Number(maximum ?? number);
  return isIn ? [] : [`${number} is out of range`];
}

/** What the API server makes of a value: what is not said is as the schema's defaults say. */
export function filledIn(value: unknown, schema: JsonSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((each) => filledIn(each, items));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const said = (value as Record<string, unknown>)[name] ?? structuredClone(inner.default);
    return said === undefined ? [] : [[name, filledIn(said, inner)] as const];
  });
  return { ...value, ...Object.fromEntries(entries) };
}
