import { type DescField, type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";
import type { FieldRules } from "../../gen/validate/validate_pb.js";
import { open } from "../message/any.ts";
import { durationMs } from "../message/scalar.ts";
import { Place, type Problem } from "./place.ts";
import { checkRules, checkSize, isRequiredOneof, rulesOf } from "./rules.ts";
import type { FieldSupport } from "./support.ts";
import { ACCESS_LOG_SUPPORT } from "./support-access-log.ts";
import { BOOTSTRAP_SUPPORT } from "./support-bootstrap.ts";
import { CLUSTER_SUPPORT } from "./support-cluster.ts";
import { LISTENER_SUPPORT } from "./support-listener.ts";
import { POLICY_SUPPORT } from "./support-policy.ts";
import { ROUTE_SUPPORT } from "./support-route.ts";
import { TRANSPORT_SUPPORT } from "./support-transport.ts";

const SUPPORT = {
  ...LISTENER_SUPPORT,
  ...ACCESS_LOG_SUPPORT,
  ...ROUTE_SUPPORT,
  ...CLUSTER_SUPPORT,
  ...BOOTSTRAP_SUPPORT,
  ...TRANSPORT_SUPPORT,
  ...POLICY_SUPPORT,
};

/** What is known of one field before any message is seen. */
interface FieldPlan {
  readonly field: DescField;
  /** Undefined: not listed, so refused where it is set. */
  readonly support: FieldSupport | undefined;
  readonly rules: FieldRules | undefined;
  readonly required: boolean;
}

const plans = new Map<DescMessage, readonly FieldPlan[]>();

function planOf(schema: DescMessage): readonly FieldPlan[] {
  const known = plans.get(schema);
  if (known !== undefined) return known;
  const plan = schema.fields.map((field) => {
    const rules = rulesOf(field);
    const required = rules?.message?.required === true || requiredByType(rules);
    return { field, support: SUPPORT[schema.typeName]?.[field.name], rules, required };
  });
  plans.set(schema, plan);
  return plan;
}

function requiredByType(rules: FieldRules | undefined): boolean {
  const type = rules?.type;
  return (type?.case === "duration" || type?.case === "any") && type.value.required;
}

/** Everything that forbids running this message, in the order of its fields. */
export function check(schema: DescMessage, message: Message, problems: Problem[]): void {
  checkMessage(schema, message, new Place(problems));
}

export function checkMessage(schema: DescMessage, message: Message, place: Place): void {
  for (const plan of planOf(schema)) {
    if (isFieldSet(message, plan.field)) checkField(plan, message, place.field(plan.field.name));
    else checkUnset(plan, place);
  }
  for (const oneof of schema.oneofs) {
    const value = (message as unknown as Record<string, { case?: string }>)[oneof.localName];
    if (value?.case === undefined && isRequiredOneof(oneof)) {
      const names = oneof.fields.map((field) => field.name).join(", ");
      place.refuse("one of these fields is missing", undefined, names);
    }
  }
}

function checkUnset(plan: FieldPlan, place: Place): void {
  const { field, rules } = plan;
  // In a oneof only the field that was chosen has to be there.
  if (plan.required && field.oneof === undefined) place.field(field.name).refuse("is missing");
  else if (rules !== undefined && field.oneof === undefined && field.fieldKind === "list") {
    checkSize(rules, 0, place.field(field.name));
  } else if (rules?.type.case === "string" && field.oneof === undefined && !isWrapper(field)) {
    checkRules(rules, "", place.field(field.name));
  }
}

function isWrapper(field: DescField): boolean {
  return field.fieldKind === "message";
}

function checkField(plan: FieldPlan, message: Message, place: Place): void {
  const { field, support, rules } = plan;
  const value = fieldValue(message, field);
  switch (support?.kind) {
    case undefined:
      place.refuse("is not executed by Outrigger", shown(field, value));
      break;
    case "refused":
      place.refuse(`is not executed by Outrigger: ${support.reason}`, shown(field, value));
      break;
    case "only":
      checkOnly(support.values, field, value, place);
      break;
    case "executed":
      checkValue(field, value, rules, place);
      break;
    case "harmless":
      break;
  }
}

function fieldValue(message: Message, field: DescField): unknown {
  const record = message as unknown as Record<string, unknown>;
  if (field.oneof === undefined) return record[field.localName];
  return (record[field.oneof.localName] as { value: unknown }).value;
}

function checkOnly(
  values: readonly (string | number | boolean)[],
  field: DescField,
  value: unknown,
  place: Place,
): void {
  const plain = plainOf(field, value);
  if (values.some((allowed) => allowed === plain)) return;
  place.refuse("has a value that is not executed by Outrigger", plain, values.join(", "));
}

/** Enums by name, durations in milliseconds, 64-bit integers as numbers. */
function plainOf(field: DescField, value: unknown): unknown {
  if (field.fieldKind === "enum") return field.enum.value[Number(value)]?.name ?? value;
  if (field.fieldKind === "message" && field.message.typeName === "google.protobuf.Duration") {
    return durationMs(value as Duration);
  }
  return typeof value === "bigint" ? Number(value) : value;
}

function shown(field: DescField, value: unknown): unknown {
  const plain = plainOf(field, value);
  return typeof plain === "object" ? undefined : plain;
}

function checkValue(
  field: DescField,
  value: unknown,
  rules: FieldRules | undefined,
  place: Place,
): void {
  if (field.fieldKind === "list") {
    checkList(field, value as unknown[], rules, place);
  } else if (field.fieldKind === "map") {
    checkMap(field, value as Record<string, unknown>, place);
  } else {
    if (rules !== undefined) checkRules(rules, value, place);
    if (field.fieldKind === "message") checkChild(field.message, value as Message, place);
  }
}

function checkList(
  field: DescField & { fieldKind: "list" },
  list: readonly unknown[],
  rules: FieldRules | undefined,
  place: Place,
): void {
  if (rules !== undefined) checkSize(rules, list.length, place);
  const items = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
  list.forEach((item, index) => {
    if (items !== undefined) checkRules(items, item, place.item(index));
    if (field.message !== undefined) checkChild(field.message, item as Message, place.item(index));
  });
}

function checkMap(
  field: DescField & { fieldKind: "map" },
  map: Readonly<Record<string, unknown>>,
  place: Place,
): void {
  if (field.message === undefined) return;
  for (const key in map) checkChild(field.message, map[key] as Message, place.field(key));
}

/** Wrappers, durations and structs are values; an Any is what it holds. */
function checkChild(schema: DescMessage, message: Message, place: Place): void {
  if (typeof message !== "object") return;
  if (schema.typeName === "google.protobuf.Any") checkAny(message as Any, place);
  else if (!schema.typeName.startsWith("google.protobuf.")) checkMessage(schema, message, place);
}

function checkAny(any: Any, place: Place): void {
  const opened = open(any);
  if (typeof opened === "string") place.refuse(opened, any.typeUrl);
  else checkMessage(opened.schema, opened.message, place);
}
