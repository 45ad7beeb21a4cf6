import { nearestName } from "../../kubernetes/field-table.ts";
import { isMapping } from "../../kubernetes/fields.ts";
import type { Spec } from "../spec.ts";
import { readDuration } from "../text-rules.ts";
import type { Field, FieldTable, NumberShape, ObjectShape, Shape } from "./field.ts";

/**
 * Holds a spec against its field table: types, unknown and required fields and what is not
 * executed. The words are the API server's ("Required value"), which users have seen.
 */
export function checkFields(spec: Spec, table: FieldTable): void {
  if (!spec.present) {
    spec.refuse("Required value: the object has no spec");
  } else {
    checkObject(spec, { type: "object", name: "", fields: table }, true);
  }
}

/** `telling` is false inside a field that is not executed: it has been said once. */
function checkObject(spec: Spec, shape: ObjectShape, telling: boolean): void {
  if (!isMapping(spec.json())) {
    wrongType(spec, "a mapping");
    return;
  }
  for (const [name, value] of spec.entries()) {
    const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (field === undefined) reportUnknown(value, name, Object.keys(shape.fields));
    else if (value.present) checkField(value, field, telling);
  }
  for (const [name, field] of Object.entries(shape.fields)) {
    if (field.required && !spec.at(name).present) {
      spec.at(name).refuse(`Required value: \`${name}\` is missing`);
    }
  }
}

function checkField(value: Spec, field: Field, telling: boolean): void {
  const unexecuted = field.status === "reported" && !field.harmless.includes(value.json());
  if (telling && unexecuted) value.notExecuted(field.note);
  checkShape(value, field.shape, telling && field.status === "executed");
}

function checkShape(value: Spec, shape: Shape, telling: boolean): void {
  switch (shape.type) {
    case "any":
      return;
    case "string":
      if (value.text() === undefined) wrongType(value, "a string", quoted(value.json()));
      return;
    case "boolean":
      if (value.flag() === undefined) wrongType(value, "true or false");
      return;
    case "integer":
    case "number":
      checkNumber(value, shape);
      return;
    case "duration":
      checkDuration(value, shape.minMs);
      return;
    case "enum":
      checkWord(value, shape.values);
      return;
    case "list":
      checkList(value, shape.item, telling);
      return;
    case "map":
      checkMap(value, shape.value, telling);
      return;
    case "object":
      checkObject(value, shape, telling);
      return;
  }
}

function checkList(value: Spec, item: Shape, telling: boolean): void {
  const list = value.json();
  if (!Array.isArray(list)) {
    wrongType(value, "a list");
    return;
  }
  const items = value.items();
  if (items.length < list.length) value.refuse("Invalid value: an entry may not be null");
  for (const entry of items) checkShape(entry, item, telling);
}

function checkMap(value: Spec, inner: Shape, telling: boolean): void {
  if (!isMapping(value.json())) {
    wrongType(value, "a mapping");
    return;
  }
  for (const [name, entry] of value.entries()) {
    if (entry.present) checkShape(entry, inner, telling);
    else entry.refuse(`Invalid value: ${name} cannot be null`);
  }
}

function checkNumber(value: Spec, shape: NumberShape): void {
  const number = shape.type === "integer" ? value.integer() : value.number();
  const kind = shape.type === "integer" ? "a whole number" : "a number";
  if (number === undefined) {
    wrongType(value, kind);
    return;
  }
  if (number >= shape.min && number <= shape.max) return;
  const upTo = shape.max === Infinity ? "" : ` to ${shape.max}`;
  value.refuse(`Invalid value: ${number}`, `${kind} from ${shape.min}${upTo}`);
}

function checkDuration(value: Spec, minMs: number): void {
  const text = value.text();
  if (text === undefined) {
    wrongType(value, "a duration, as 10s or 250ms");
    return;
  }
  const reading = readDuration(text, minMs);
  if ("error" in reading) {
    value.refuse(reading.error, `h, m, s and ms: 1h30m, 1.5s, 250ms${minMs === 0 ? ", 0s" : ""}`);
  }
}

function checkWord(value: Spec, words: readonly string[]): void {
  const text = value.text();
  if (text === undefined) {
    wrongType(value, words.join(" | "));
    return;
  }
  if (words.includes(text)) return;
  value.refuse(`Unsupported value: "${text}"`, words.join(" | "), didYouMean(text, words));
}

function reportUnknown(value: Spec, name: string, known: readonly string[]): void {
  value.refuseKey(`unknown field "${name}"`, known.join(", "), didYouMean(name, known));
}

function didYouMean(text: string, known: readonly string[]): string | undefined {
  const near = nearestName(text, known);
  return near === undefined ? undefined : `did you mean \`${near}\`?`;
}

function wrongType(value: Spec, allowed: string, hint?: string): void {
  value.refuse("Invalid value: wrong type", allowed, hint);
}

function quoted(value: unknown): string | undefined {
  if (typeof value !== "number" && typeof value !== "boolean") return undefined;
  return `write it in quotes: "${value}"`;
}
