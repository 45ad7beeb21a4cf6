import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";

const CLASS = fieldTable({ executed: ["condition", "isFailure"] });
const CONDITION = fieldTable({ executed: ["status", "all", "any", "not"] });
const STATUS = fieldTable({ executed: ["min", "max"] });

export const RESPONSE_TABLES: Readonly<Record<string, FieldTable>> = {
  "ServiceProfile.spec.routes[].responseClasses[]": CLASS,
  "ServiceProfile.spec.routes[].responseClasses[].condition": CONDITION,
  "ServiceProfile.spec.routes[].responseClasses[].condition.status": STATUS,
};

type ConditionFields = Fields<keyof typeof CONDITION>;
type Holds = (status: number) => boolean;

const STATUS_MIN = 100;
const STATUS_MAX = 599;
/** 1xx are no answers. */
const FINAL_MIN = 200;
const DEPTH_MAX = 16;

/**
 * The statuses that are failures to a route: by the first class that matches, else all from 500 on.
 */
export function readFailures<Name extends string>(
  route: Fields<Name | "responseClasses">,
): readonly number[] {
  const classes = route.mappings("responseClasses", CLASS).map((one) => {
    const condition = one.requiredMapping("condition", CONDITION);
    const isFailure = one.boolean("isFailure") ?? false;
    return { holds: condition === undefined ? never : holdsOf(condition, 0), isFailure };
  });
  const statuses = Array.from(
    { length: STATUS_MAX - FINAL_MIN + 1 },
    (_, index) => FINAL_MIN + index,
  );
  return statuses.filter(
    (status) => classes.find(({ holds }) => holds(status))?.isFailure ?? status >= 500,
  );
}

function never(): boolean {
  return false;
}

/** Several fields side by side must all hold. */
function holdsOf(fields: ConditionFields, depth: number): Holds {
  if (depth > DEPTH_MAX) {
    fields.problemAt([], { message: "The condition is nested too deeply", allowed: "16 levels" });
    return never;
  }
  const parts: Holds[] = [];
  if (fields.has("status")) parts.push(statusOf(fields));
  if (fields.has("all")) {
    const members = fields.mappings("all", CONDITION).map((one) => holdsOf(one, depth + 1));
    parts.push((status) => members.every((holds) => holds(status)));
  }
  if (fields.has("any")) {
    const members = fields.mappings("any", CONDITION).map((one) => holdsOf(one, depth + 1));
    parts.push((status) => members.some((holds) => holds(status)));
  }
  if (fields.has("not")) {
    const one = fields.mapping("not", CONDITION);
    const holds = one === undefined ? never : holdsOf(one, depth + 1);
    parts.push((status) => !holds(status));
  }
  if (parts.length > 0) return (status) => parts.every((holds) => holds(status));
  const allowed = "status, all, any or not";
  fields.problemAt([], { message: "The condition says nothing", found: "nothing", allowed });
  return never;
}

/** One of both alone is that status. */
function statusOf(fields: ConditionFields): Holds {
  const range = fields.mapping("status", STATUS);
  const bounds = { min: STATUS_MIN, max: STATUS_MAX };
  const min = range?.integer("min", bounds);
  const max = range?.integer("max", bounds);
  const [first, last] = [min ?? max, max ?? min];
  if (first === undefined || last === undefined) {
    range?.problemAt([], { message: "The range says nothing", allowed: "min, max or both" });
    return never;
  }
  if (first > last) range?.bad("max", "The range ends before it begins", `at least ${first}`);
  return (status) => status >= first && status <= last;
}
