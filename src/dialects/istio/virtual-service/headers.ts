import type { HeaderMutation, HeaderMutations } from "../../../model/route.ts";
import type { Spec } from "../spec.ts";
import { headerNameError, headerValueError, isAuthority } from "../text-rules.ts";

/** `headers` of a rule or of a destination. */
export interface HeaderOperations {
  readonly request: HeaderMutations;
  readonly response: HeaderMutations;
  /** Setting Host or `:authority` is a rewrite of the host; empty: none. */
  readonly authority: string;
}

/**
 * `set` overwrites and `add` appends, each in the order of the names, `set` first, as Istio emits
 * them. Names that start in `:` and Host cannot be changed as headers.
 */
export function readHeaderOperations(headers: Spec): HeaderOperations {
  const request = headers.at("request");
  const authorities = authoritiesIn(request);
  return {
    request: readMutations(request, true),
    response: readMutations(headers.at("response"), false),
    authority: authorities[0]?.text() ?? "",
  };
}

/** Where Host or `:authority` is set, `set` before `add`. */
export function authoritiesIn(request: Spec): Spec[] {
  const operations = [...request.at("set").entries(), ...request.at("add").entries()];
  return operations.filter(([name]) => isAuthority(name)).map(([, value]) => value);
}

function readMutations(operations: Spec, authorityAllowed: boolean): HeaderMutations {
  return {
    set: [
      ...readValues(operations.at("set"), "overwrite", authorityAllowed),
      ...readValues(operations.at("add"), "append", authorityAllowed),
    ],
    remove: readNames(operations.at("remove")),
  };
}

function readValues(
  values: Spec,
  action: HeaderMutation["action"],
  authorityAllowed: boolean,
): HeaderMutation[] {
  const mutations = values.entries().map(([name, value]) => {
    const text = value.text() ?? "";
    value.refuse(headerNameError(name, authorityAllowed));
    value.refuse(headerValueError(text));
    return { name: name.toLowerCase(), value: text, action };
  });
  return mutations
    .filter((mutation) => !isAuthority(mutation.name))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function readNames(names: Spec): string[] {
  return names.items().flatMap((item) => {
    const name = item.text() ?? "";
    const error = headerNameError(name, false);
    item.refuse(error);
    return error === undefined ? [name.toLowerCase()] : [];
  });
}
