import type { Diagnostic } from "../../base/diagnostic.ts";
import { type Dialect, EMPTY_TRANSLATION } from "../dialect.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kindFinding } from "../kubernetes/translate.ts";
import { readCircuitBreaker } from "./circuit-breaker.ts";
import { GROUP, VERSION } from "./schema/crd.ts";
import { KINDS_OF_OURS } from "./schema/kinds.ts";

/** What no other dialect has words for. */
export const outrigger: Dialect = {
  name: "outrigger",
  speaks: ({ group }) => group === GROUP,
  translate: (objects, { settings }) => {
    const diagnostics: Diagnostic[] = [];
    const circuitBreakers = objects.flatMap((object) => {
      if (!isOurs(object)) diagnostics.push(unknown(object));
      else return readCircuitBreaker(object, settings.clusterDomain, diagnostics) ?? [];
      return [];
    });
    return { ...EMPTY_TRANSLATION, circuitBreakers, diagnostics };
  },
};

function isOurs({ kind, version }: KubernetesObject): boolean {
  return version === VERSION && KINDS_OF_OURS.some((each) => each.kind === kind);
}

function unknown(object: KubernetesObject): Diagnostic {
  const kinds = KINDS_OF_OURS.map(({ kind }) => `${kind} of ${GROUP}/${VERSION}`).join(", ");
  const message = `There is no ${object.kind} of ${object.apiVersion}`;
  return kindFinding(object, "error", message, `known: ${kinds}`);
}
