import { type DescField, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  required as requiredOneof,
  rules as validateRules,
} from "../../gen/validate/validate_pb.js";
import { durationMs } from "../message/scalar.ts";
import type { Place } from "./place.ts";

/**
 * protoc-gen-validate's rules as they stand in Envoy's `.proto` files: what Envoy itself refuses
 * before it looks at meaning (`connect_timeout: 0s`, an empty name, a port of 70000).
 */
export function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, validateRules) ? getOption(field, validateRules) : undefined;
}

export function isRequiredOneof(oneof: DescField["oneof"]): boolean {
  return oneof !== undefined && getOption(oneof, requiredOneof) === true;
}

/** One value (of a list: one element) against its rules. */
export function checkRules(rules: FieldRules, value: unknown, place: Place): void {
  switch (rules.type.case) {
    case "string":
      checkString(rules.type.value, value, place);
      break;
    case "uint32":
    case "int32":
    case "uint64":
    case "int64":
    case "double":
    case "float":
      checkRange(rules.type.value, Number(value), value, place);
      break;
    case "enum":
      checkEnum(rules.type.value.notIn, rules.type.value.in, value, place);
      break;
    case "bool":
      checkConstant(rules.type.value.const, value, place);
      break;
    case "duration":
      checkDuration(rules.type.value, value, place);
      break;
    default:
    // Rules of other types: no field of a supported message has any.
  }
}

/** A list's or a map's own size. */
export function checkSize(rules: FieldRules, size: number, place: Place): void {
  if (rules.type.case !== "repeated") return;
  const { minItems, maxItems } = rules.type.value;
  if (minItems !== undefined && minItems !== 0n && size < Number(minItems)) {
    place.refuse("too few elements", size, `at least ${minItems}`);
  }
  if (maxItems !== undefined && maxItems !== 0n && size > Number(maxItems)) {
    place.refuse("too many elements", size, `at most ${maxItems}`);
  }
}

type StringRules = Extract<FieldRules["type"], { case: "string" }>["value"];

function checkString(rules: StringRules, value: unknown, place: Place): void {
  if (typeof value !== "string") return;
  if (rules.ignoreEmpty && value === "") return;
  const bytes = Buffer.byteLength(value);
  const min = Number(rules.minLen || rules.minBytes || 0n);
  const max = Number(rules.maxBytes || rules.maxLen || 0n);
  if (value.length < min) {
    const problem = value === "" ? "is empty" : "is too short";
    place.refuse(problem, value, min === 1 ? "at least 1 character" : `at least ${min} characters`);
  }
  if (max > 0 && bytes > max) place.refuse("is too long", bytes, `at most ${max} bytes`);
  if (rules.prefix !== "" && !value.startsWith(rules.prefix)) {
    place.refuse("begins with something else", value, `${rules.prefix}…`);
  }
  if (rules.in.length > 0 && !rules.in.includes(value)) {
    place.refuse("is none of the allowed values", value, rules.in.join(", "));
  }
  if (rules.notIn.includes(value)) place.refuse("is not allowed", value);
  if (rules.wellKnown.case === "wellKnownRegex") checkHeaderText(value, place);
}

/** Header names and values, where Envoy's rules are lax too: no CR, LF or NUL. */
function checkHeaderText(value: string, place: Place): void {
  const broken = ["\r", "\n", "\0"].some((character) => value.includes(character));
  if (broken) place.refuse("holds a line break or NUL", value, "header text on one line");
}

interface Range {
  readonly $typeName: string;
  readonly gt: number | bigint;
  readonly gte: number | bigint;
  readonly lt: number | bigint;
  readonly lte: number | bigint;
  readonly in: readonly (number | bigint)[];
}

function checkRange(rules: Range & Message, number: number, value: unknown, place: Place): void {
  const low =
    bound(rules, "gte", "at least", (limit) => number >= limit) ??
    bound(rules, "gt", "more than", (limit) => number > limit);
  const high =
    bound(rules, "lte", "at most", (limit) => number <= limit) ??
    bound(rules, "lt", "less than", (limit) => number < limit);
  const allowed = [low?.text, high?.text].filter((text) => text !== undefined).join(" and ");
  if (low?.holds === false || high?.holds === false) {
    place.refuse("is out of range", value, allowed);
  }
  if (rules.in.length > 0 && !rules.in.map(Number).includes(number)) {
    place.refuse("is none of the allowed values", value, rules.in.join(", "));
  }
}

function bound(
  rules: Range,
  name: "gt" | "gte" | "lt" | "lte",
  words: string,
  holds: (limit: number) => boolean,
): { readonly text: string; readonly holds: boolean } | undefined {
  // proto2 keeps unset fields on the prototype: only own properties were written.
  if (!Object.hasOwn(rules, name)) return undefined;
  const limit = Number(rules[name]);
  return { text: `${words} ${limit}`, holds: holds(limit) };
}

function checkEnum(
  notIn: readonly number[],
  among: readonly number[],
  value: unknown,
  place: Place,
): void {
  if (notIn.includes(Number(value))) place.refuse("is not allowed", value);
  if (among.length > 0 && !among.includes(Number(value))) place.refuse("is not allowed", value);
}

function checkConstant(constant: boolean, value: unknown, place: Place): void {
  if (value !== constant) place.refuse("has one legal value", value, `${constant}`);
}

type DurationRules = Extract<FieldRules["type"], { case: "duration" }>["value"];

function checkDuration(rules: DurationRules, value: unknown, place: Place): void {
  const ms = durationMs(value as Duration);
  const below = (limit: Duration | undefined) => limit !== undefined && ms < durationMs(limit);
  if (below(rules.gte)) {
    place.refuse("is too short", `${ms}ms`, `at least ${durationMs(rules.gte)}ms`);
  }
  if (rules.gt !== undefined && ms <= durationMs(rules.gt)) {
    place.refuse("is too short", `${ms}ms`, `more than ${durationMs(rules.gt)}ms`);
  }
  if (rules.lte !== undefined && ms > durationMs(rules.lte)) {
    place.refuse("is too long", `${ms}ms`, `at most ${durationMs(rules.lte)}ms`);
  }
}
