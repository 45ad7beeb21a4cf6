import { formatDuration } from "../../../base/duration.ts";
import { FIELD_NAME } from "../../../base/grammar/field-name.ts";
import {
  CIRCUIT_LIMITS,
  FALLBACK_HEADER_VALUE,
  NOT_FOR_FALLBACKS,
} from "../../../model/resilience/circuit-bounds.ts";
import {
  BYTES,
  DURATION,
  type Field,
  type HeadersField,
  type ListField,
  type ObjectField,
  type Rule,
  STATUSES,
  type TextField,
} from "./field.ts";

/** JSON as a CustomResourceDefinition holds it. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}

export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

/**
 * A structural OpenAPI v3 schema (Kubernetes: "Specifying a structural schema"): a type at every
 * node, no references, unknown fields pruned, defaults that fit, CEL for what types cannot say.
 */
export function schemaOf(field: Field): JsonSchema {
  const { description } = field;
  switch (field.type) {
    case "object":
      return objectSchema(field);
    case "list":
      return listSchema(field);
    case "integer":
      return {
        ...{ type: "integer", format: "int64", description },
        ...{ minimum: field.min, maximum: field.max, ...defaultOf(field) },
      };
    case "boolean":
      return { type: "boolean", description, default: field.default };
    case "word":
      return { type: "string", description, enum: field.words, ...defaultOf(field) };
    case "text":
      return textSchema(field);
    case "duration":
      return {
        ...{ type: "string", description, pattern: DURATION.source, maxLength: 24 },
        ...rulesOf(durationRule(field.min, field.max)),
        ...defaultOf(field),
      };
    case "bytes":
      return {
        ...{ ...INT_OR_STRING, description, pattern: BYTES.source },
        ...rulesOf(bytesRule(field.min, field.max)),
        ...defaultOf(field),
      };
    case "statuses":
      return {
        ...{ ...INT_OR_STRING, description, pattern: STATUSES.source },
        // Of a number alone. That a range goes up is the reader's to say.
        ...{ minimum: 100, maximum: 599 },
      };
    case "headers":
      return headersSchema(field);
  }
}

/** No `type` beside it: Kubernetes' one exception, which needs this very `anyOf`. */
const INT_OR_STRING = {
  "x-kubernetes-int-or-string": true,
  anyOf: [{ type: "integer" }, { type: "string" }],
};

function defaultOf(field: { readonly default?: unknown }): { readonly default?: unknown } {
  return field.default === undefined ? {} : { default: field.default };
}

function rulesOf(...rules: readonly CelRule[]): Record<string, unknown> {
  return rules.length === 0 ? {} : { "x-kubernetes-validations": rules };
}

function objectSchema(field: ObjectField): JsonSchema {
  const entries = Object.entries(field.properties).map(
    ([name, inner]) => [name, schemaOf(inner)] as const,
  );
  return {
    type: "object",
    description: field.description,
    ...(field.required === undefined ? {} : { required: field.required }),
    ...rulesOf(...(field.rules ?? []).map(celOf)),
    ...(field.isFilledIn === true ? { default: {} } : {}),
    properties: Object.fromEntries(entries),
  };
}

function listSchema(field: ListField): JsonSchema {
  const { description, maxItems, minItems } = field;
  return {
    ...{ type: "array", description, "x-kubernetes-list-type": "atomic" },
    ...(minItems === undefined ? {} : { minItems }),
    ...{ maxItems, ...defaultOf(field), items: schemaOf(field.items) },
  };
}

function textSchema(field: TextField): JsonSchema {
  const { description, minLength, maxBytes, pattern } = field;
  return {
    ...{ type: "string", description },
    ...(minLength === undefined ? {} : { minLength }),
    maxLength: maxBytes,
    ...(pattern === undefined ? {} : { pattern: pattern.source }),
    ...rulesOf({
      rule: `size(bytes(self)) <= ${maxBytes}`,
      message: `may have at most ${maxBytes} bytes`,
    }),
    ...defaultOf(field),
  };
}

function durationRule(min: number, max: number): CelRule {
  const [least, most] = [formatDuration(min), formatDuration(max)];
  return {
    rule: `duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
    message: `must be from ${least} to ${most}`,
  };
}

function bytesRule(min: number, max: number): CelRule {
  return {
    rule:
      `type(self) == int ? self >= ${min} && self <= ${max} : ` +
      `quantity(self).isGreaterThan(quantity('${min - 1}')) && ` +
      `quantity(self).isLessThan(quantity('${max + 1}'))`,
    message: `must be from ${min} to ${max} bytes`,
  };
}

function headersSchema({ description, maxProperties }: HeadersField): JsonSchema {
  const refused = [...NOT_FOR_FALLBACKS].map((name) => `'${name}'`).join(", ");
  const { headerNameBytes, headerValueBytes } = CIRCUIT_LIMITS;
  return {
    ...{ type: "object", description, maxProperties },
    ...rulesOf(
      {
        rule: `self.all(name, name.matches('${FIELD_NAME.source.replaceAll("'", "\\'")}'))`,
        message: "must be names of headers",
      },
      {
        rule: `self.all(name, size(name) <= ${headerNameBytes})`,
        message: `names may have at most ${headerNameBytes} characters`,
      },
      {
        rule:
          `self.all(name, !(name.lowerAscii() in [${refused}]) && ` +
          "!name.lowerAscii().startsWith('x-outrigger-'))",
        message: "may name no headers of one connection, none that frame the answer, none of ours",
      },
    ),
    additionalProperties: {
      type: "string",
      maxLength: headerValueBytes,
      pattern: FALLBACK_HEADER_VALUE.source,
    },
  };
}

/** The rule as CEL, which the API server runs. */
export function celOf(rule: Rule): CelRule {
  if (rule.kind === "exactlyOne") {
    const given = rule.names.map((name) => `has(self.${fieldInCel(name)})`).join(", ");
    const names = rule.names.join(", ");
    return {
      rule: `[${given}].filter(given, given).size() == 1`,
      message: `needs exactly one of ${names}`,
    };
  }
  const others = rule.others.map((name) => `has(self.${fieldInCel(name)})`).join(" || ");
  return {
    rule: `!has(self.${fieldInCel(rule.name)}) || !(${others})`,
    message: `${rule.name} excludes ${rule.others.join(" and ")}`,
  };
}

/** CEL's reserved words are escaped (Kubernetes: "Escaping" of validation rules). */
function fieldInCel(name: string): string {
  return CEL_RESERVED.has(name) ? `__${name}__` : name;
}

const CEL_RESERVED: ReadonlySet<string> = new Set(
  (
    "true false null in as break const continue else for function if import let loop package " +
    "namespace return var void while"
  ).split(" "),
);

/** `kubectl get` shows them. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "date" | "integer";
  readonly jsonPath: string;
  readonly description: string;
  /** Above 0: with `-o wide` alone. */
  readonly priority: number;
}

export interface KindOfOurs {
  readonly kind: string;
  readonly singular: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: ObjectField;
  readonly columns: readonly PrinterColumn[];
}

export const GROUP = "outrigger.dev";
export const VERSION = "v1alpha1";

/** So that tools find what holds for a target (Gateway API, GEP-713: inherited policies). */
const POLICY_LABELS = { "gateway.networking.k8s.io/policy": "Inherited" };

/** A CustomResourceDefinition of apiextensions.k8s.io/v1. */
export function customResourceDefinition(kind: KindOfOurs): JsonSchema {
  const { plural, singular, shortNames } = kind;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}`, labels: POLICY_LABELS },
    spec: {
      group: GROUP,
      names: {
        ...{ kind: kind.kind, listKind: `${kind.kind}List`, plural, singular, shortNames },
        categories: ["outrigger"],
      },
      scope: "Namespaced",
      versions: [
        {
          ...{ name: VERSION, served: true, storage: true },
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: wholeSchema(kind) },
        },
      ],
    },
  };
}

function wholeSchema({ description, spec }: KindOfOurs): JsonSchema {
  return {
    type: "object",
    description,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: `${GROUP}/${VERSION}` },
      kind: { type: "string", description: "The kind of this object." },
      metadata: { type: "object" },
      spec: schemaOf(spec),
    },
  };
}
