import type { Permission, Principal } from "../../../../model/filter/rbac.ts";

/** One field of a rule beside its `not` form; nothing is asked where all is empty. */
export interface Clause<T> {
  /** As it is written: `principals`, `request.headers[x]`; its `not` form is meant as well. */
  readonly field: string;
  /** It asks about a request: of a connection that carries none, nothing can be said. */
  readonly httpOnly: boolean;
  /** One of them has to match; with none, whatever it is. */
  readonly oneOf: readonly T[];
  readonly noneOf: readonly T[];
  /** This, too. */
  readonly beside?: T;
}

/** One of the values, and none of the others. */
export function clause<T, Value>(
  { field, httpOnly }: Pick<Clause<T>, "field" | "httpOnly">,
  values: readonly Value[],
  notValues: readonly Value[],
  match: (value: Value) => T,
  notMatch: (value: Value) => T = match,
): Clause<T> {
  return { field, httpOnly, oneOf: values.map(match), noneOf: notValues.map(notMatch) };
}

/** How terms are put together: alike for permissions and for principals. */
interface Logic<T> {
  readonly any: T;
  readonly all: (of: readonly T[]) => T;
  readonly oneOf: (of: readonly T[]) => T;
  readonly not: (of: T) => T;
}

export const PERMISSIONS: Logic<Permission> = {
  any: { kind: "any" },
  all: (of) => ({ kind: "and", of }),
  oneOf: (of) => ({ kind: "or", of }),
  not: (of) => ({ kind: "not", of }),
};

export const PRINCIPALS: Logic<Principal> = {
  any: { kind: "any" },
  all: (of) => ({ kind: "and", of }),
  oneOf: (of) => ({ kind: "or", of }),
  not: (of) => ({ kind: "not", of }),
};

/**
 * All clauses together. On TCP ports what asks about requests is dropped where the rule `widens`
 * (a denial then denies more, as in Istio); else there is no such rule: undefined.
 */
export function allOf<T>(
  logic: Logic<T>,
  clauses: readonly Clause<T>[],
  on: { readonly carriage: "http" | "tcp"; readonly widens: boolean },
): T | undefined {
  const asked = clauses.filter(({ oneOf, noneOf }) => oneOf.length + noneOf.length > 0);
  const answerable = asked.filter(({ httpOnly }) => on.carriage === "http" || !httpOnly);
  if (answerable.length < asked.length && !on.widens) return undefined;
  const terms = answerable.flatMap((each) => termsOf(logic, each));
  if (terms.length === 0) return logic.any;
  return single(terms) ?? logic.all(terms);
}

function termsOf<T>(logic: Logic<T>, { oneOf, noneOf, beside }: Clause<T>): readonly T[] {
  return [
    ...(beside === undefined ? [] : [beside]),
    ...(oneOf.length === 0 ? [] : [single(oneOf) ?? logic.oneOf(oneOf)]),
    ...(noneOf.length === 0 ? [] : [logic.not(single(noneOf) ?? logic.oneOf(noneOf))]),
  ];
}

function single<T>(terms: readonly T[]): T | undefined {
  return terms.length === 1 ? terms[0] : undefined;
}
