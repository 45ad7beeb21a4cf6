import type { FieldFate } from "../../kubernetes/field-table.ts";

/**
 * The field tables: every field of a kind that Istio's own schema knows, what may stand there
 * and whether it has an effect here. The reader, the README's table and the test against
 * Istio's CRDs all work from these tables, so that no field can be known to one and not another.
 */

/** What becomes of a field: see `FieldFate`, whose words these are. */
export type FieldStatus = Extract<FieldFate, "executed" | "reported">;

export type Shape =
  | { readonly type: "string" | "boolean" | "any" }
  | NumberShape
  /** Go's form; most of Istio's must be 1 ms or more, a few take 0 for "never". */
  | { readonly type: "duration"; readonly minMs: number }
  | { readonly type: "enum"; readonly values: readonly string[] }
  | { readonly type: "list"; readonly item: Shape }
  | { readonly type: "map"; readonly value: Shape }
  | ObjectShape;

export interface NumberShape {
  readonly type: "integer" | "number";
  readonly min: number;
  readonly max: number;
}

export interface ObjectShape {
  readonly type: "object";
  /** `StringMatch` and the like, shown as one row in the README; empty: its fields are shown. */
  readonly name: string;
  readonly fields: FieldTable;
}

export type FieldTable = Readonly<Record<string, Field>>;

export interface Field {
  readonly shape: Shape;
  readonly status: FieldStatus;
  readonly required: boolean;
  /** Reported: what happens instead. Executed: what the README adds, mostly nothing. */
  readonly note: string;
  /** Reported fields: values that ask for what happens anyway, so nothing is said of them. */
  readonly harmless: readonly unknown[];
}

export const STRING: Shape = { type: "string" };
/** int32. */
export const INTEGER: Shape = { type: "integer", min: -(2 ** 31), max: 2 ** 31 - 1 };
/** uint32. */
export const UNSIGNED: Shape = { type: "integer", min: 0, max: 2 ** 32 - 1 };
export const NUMBER: Shape = { type: "number", min: -Infinity, max: Infinity };
export const BOOLEAN: Shape = { type: "boolean" };
export const DURATION: Shape = { type: "duration", minMs: 1 };
export const DURATION_OR_ZERO: Shape = { type: "duration", minMs: 0 };
/** Read no further: the whole field is not executed. */
export const ANY: Shape = { type: "any" };

export function within(min: number, max: number): Shape {
  return { type: "number", min, max };
}

export function oneOf(...values: readonly string[]): Shape {
  return { type: "enum", values };
}

export function listOf(item: Shape): Shape {
  return { type: "list", item };
}

export function mapOf(value: Shape): Shape {
  return { type: "map", value };
}

export function object(fields: FieldTable, name = ""): ObjectShape {
  return { type: "object", name, fields };
}

export function executed(shape: Shape, note = ""): Field {
  return { shape, status: "executed", required: false, note, harmless: [] };
}

export function required(shape: Shape): Field {
  return { shape, status: "executed", required: true, note: "", harmless: [] };
}

export function reported(
  shape: Shape,
  note: string,
  ...harmless: readonly (string | boolean | number)[]
): Field {
  return { shape, status: "reported", required: false, note, harmless };
}

/** One row of the README's table. */
export interface FieldRow {
  readonly path: string;
  readonly status: FieldStatus;
  readonly note: string;
}

/** Every field with its path; a field that is not executed stands for all below it. */
export function rowsOf(table: FieldTable, prefix = ""): FieldRow[] {
  return Object.entries(table).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const row = { path, status: field.status, note: field.note };
    const inner = field.status === "executed" ? insideOf(field.shape, path) : [];
    return inner.length > 0 ? inner : [row];
  });
}

function insideOf(shape: Shape, path: string): FieldRow[] {
  switch (shape.type) {
    case "list":
      return insideOf(shape.item, `${path}[]`);
    case "map":
      return insideOf(shape.value, `${path}{}`);
    case "object":
      return shape.name === "" ? rowsOf(shape.fields, `${path}.`) : [];
    default:
      return [];
  }
}
