import type { Diagnostic } from "../../base/diagnostic.ts";
import { CIRCUIT_DEFAULTS, DEFAULT_SHARE } from "../../model/resilience/circuit-bounds.ts";
import type { CircuitBreaker, OpenCondition } from "../../model/resilience/circuit-breaker.ts";
import type { CircuitPolicy } from "../../model/resilience/circuit-policy.ts";
import { fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { readErrors } from "./errors.ts";
import { readFallback } from "./fallback.ts";
import {
  BULKHEAD,
  CIRCUIT_BREAKER_SPEC,
  ERRORS,
  FALLBACK,
  HALF_OPEN,
  OPEN,
  type SpecName,
  TARGET_REF,
  WINDOW,
} from "./schema/circuit-breaker.ts";
import { tableOf } from "./schema/field.ts";
import { Section } from "./section.ts";
import { readTargets } from "./targets.ts";

const OBJECT = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});

type Spec = Section<SpecName>;

/** Undefined where it has no spec: an error. Whatever else is wrong is told, all at once. */
export function readCircuitBreaker(
  object: KubernetesObject,
  clusterDomain: string,
  diagnostics: Diagnostic[],
): CircuitPolicy | undefined {
  const whole = Fields.ofObject(object, OBJECT, diagnostics);
  const fields = whole.requiredMapping("spec", tableOf(CIRCUIT_BREAKER_SPEC));
  if (fields === undefined) return undefined;
  const spec = new Section(fields, CIRCUIT_BREAKER_SPEC);
  const { creationTimestamp, name, namespace } = object;
  return {
    ...{ namespace, name, creationTimestamp },
    targets: readTargets(spec.sections("targetRefs", TARGET_REF), namespace),
    circuit: { name: `${namespace}/${name}`, ...readCircuit(spec) },
    fallback: readFallback(spec.section("fallback", FALLBACK), { namespace, clusterDomain }),
    origin: whole.origin(),
  };
}

function readCircuit(spec: Spec): Omit<CircuitBreaker, "name" | "fallback"> {
  const otherwise = CIRCUIT_DEFAULTS;
  const halfOpen = spec.section("halfOpen", HALF_OPEN);
  return {
    window: readWindow(spec),
    open: readOpen(spec),
    errors: readErrors(spec.section("errors", ERRORS)),
    sleepMs: spec.durationMs("sleep") ?? otherwise.sleepMs,
    probes: halfOpen?.integer("probes") ?? otherwise.probes,
    scope: spec.word<"Caller" | "Mesh">("scope") === "Mesh" ? "mesh" : "caller",
    maxConcurrent: spec.section("bulkhead", BULKHEAD)?.integer("maxConcurrent"),
    explains: spec.flag("explain"),
  };
}

function readWindow(spec: Spec): CircuitBreaker["window"] {
  const otherwise = CIRCUIT_DEFAULTS.window;
  const window = spec.section("window", WINDOW);
  const durationMs = window?.durationMs("duration") ?? otherwise.durationMs;
  const buckets = window?.integer("buckets") ?? otherwise.buckets;
  if (durationMs % buckets === 0) return { durationMs, buckets };
  const message = "The window does not divide into so many buckets of whole milliseconds";
  // Who wrote the duration alone is told there.
  if (window?.has("buckets") === true) {
    window.bad("buckets", message, `a number that divides ${durationMs}`);
  } else {
    window?.bad("duration", message, `whole milliseconds for each of ${buckets} buckets`);
  }
  return otherwise;
}

/** Of a share half said, the other half is the default's. */
function readOpen(spec: Spec): OpenCondition {
  const open = spec.section("open", OPEN);
  const errors = open?.integer("consecutiveErrors");
  if (errors !== undefined) return { kind: "consecutiveErrors", errors };
  return {
    ...DEFAULT_SHARE,
    ...said("requestVolume", open?.integer("requestVolume")),
    ...said("errorPercentage", open?.integer("errorPercentage")),
  };
}

function said<Name extends string>(name: Name, value: number | undefined) {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, number>);
}
