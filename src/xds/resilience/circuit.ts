import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "../../gen/envoy/config/core/v3/base_pb.js";
import {
  badHeaderName,
  badHeaderValue,
  CIRCUIT_BOUNDS,
  CIRCUIT_DEFAULTS,
  CIRCUIT_LIMITS,
} from "../../model/resilience/circuit-bounds.ts";
import type {
  CircuitBreaker,
  CircuitErrors,
  CircuitFallback,
  OpenCondition,
} from "../../model/resilience/circuit-breaker.ts";
import type { StatusRange } from "../../model/upstream/health-check.ts";
import type { Place } from "../check/place.ts";
import { readerOf, type StructReader, structOf } from "./struct-reader.ts";

/** The filter metadata that carries a circuit, of a cluster or of a route. */
export const CIRCUIT_METADATA = "outrigger.circuit";

/** A cluster's name may be as long as Envoy's own limit of names that travel. */
const CLUSTER_NAME_BYTES = 1024;
const NAME = /^[!-~]+$/;
const RULE = /^[ -~]+$/;
const STATUS = { min: 100, max: 600 };
const GRPC_STATUS = { min: 1, max: 16 };

export function encodeCircuit(circuit: CircuitBreaker | undefined): {
  readonly [CIRCUIT_METADATA]?: JsonObject;
} {
  return circuit === undefined ? {} : { [CIRCUIT_METADATA]: structOf(circuit) };
}

/**
 * The model's fields under the model's names; what is not said is as `CIRCUIT_DEFAULTS` says, and
 * the name alone must be said. `place`: of the cluster or route.
 */
export function decodeCircuit(
  metadata: Metadata | undefined,
  place: Place,
): { readonly circuit?: CircuitBreaker } {
  const struct = metadata?.filterMetadata[CIRCUIT_METADATA];
  if (struct === undefined) return {};
  const at = place.field("metadata").field("filter_metadata").field(CIRCUIT_METADATA);
  const circuit = readerOf(struct, at);
  return circuit === undefined ? {} : { circuit: readCircuit(circuit) };
}

function readCircuit(circuit: StructReader): CircuitBreaker {
  const otherwise = CIRCUIT_DEFAULTS;
  const decoded: CircuitBreaker = {
    name: readName(circuit),
    ...readRule(circuit),
    window: readWindow(circuit),
    open: readOpen(circuit.mapping("open")),
    errors: readErrors(circuit.mapping("errors")),
    sleepMs: circuit.whole("sleepMs", CIRCUIT_BOUNDS.sleepMs, otherwise.sleepMs),
    probes: circuit.whole("probes", CIRCUIT_BOUNDS.probes, otherwise.probes),
    scope: circuit.word("scope", ["caller", "mesh"], otherwise.scope),
    maxConcurrent: circuit.wholeIfSaid("maxConcurrent", CIRCUIT_BOUNDS.maxConcurrent),
    fallback: readFallback(circuit.mapping("fallback")),
    explains: circuit.flag("explains", otherwise.explains),
  };
  circuit.end();
  return decoded;
}

/** It stands in answers, headers, logs and labels: none of them may be broken by it. */
function readName(circuit: StructReader): string {
  const name = circuit.text("name", CIRCUIT_LIMITS.nameBytes, undefined);
  if (name === "" || NAME.test(name)) return name;
  circuit.place("name").refuse("is no name", name, "printable ASCII without spaces");
  return "";
}

/** In labels and in what proxies tell each other. */
function readRule(circuit: StructReader): Pick<CircuitBreaker, "rule"> {
  const rule = circuit.text("rule", CIRCUIT_LIMITS.nameBytes, "");
  if (rule === "") return {};
  if (!RULE.test(rule)) circuit.place("rule").refuse("is no name", rule, "printable ASCII");
  return { rule };
}

function readWindow(circuit: StructReader): CircuitBreaker["window"] {
  const window = circuit.mapping("window");
  const otherwise = CIRCUIT_DEFAULTS.window;
  if (window === undefined) return otherwise;
  const durationMs = window.whole("durationMs", CIRCUIT_BOUNDS.windowMs, otherwise.durationMs);
  const buckets = window.whole("buckets", CIRCUIT_BOUNDS.buckets, otherwise.buckets);
  if (durationMs % buckets !== 0) {
    window.place("buckets").refuse("do not divide the window", buckets, `a part of ${durationMs}`);
  }
  window.end();
  return { durationMs, buckets };
}

function readOpen(open: StructReader | undefined): OpenCondition {
  if (open === undefined) return CIRCUIT_DEFAULTS.open;
  const kind = open.word("kind", ["errorPercentage", "consecutiveErrors"], undefined);
  const condition = readCondition(kind, open);
  open.end();
  return condition;
}

function readCondition(kind: OpenCondition["kind"], open: StructReader): OpenCondition {
  if (kind === "consecutiveErrors") {
    const errors = open.whole("errors", CIRCUIT_BOUNDS.consecutiveErrors, undefined);
    return { kind, errors };
  }
  return {
    kind,
    requestVolume: open.whole("requestVolume", CIRCUIT_BOUNDS.requestVolume, undefined),
    errorPercentage: open.whole("errorPercentage", CIRCUIT_BOUNDS.errorPercentage, undefined),
  };
}

function readErrors(errors: StructReader | undefined): CircuitErrors {
  const otherwise = CIRCUIT_DEFAULTS.errors;
  if (errors === undefined) return otherwise;
  const statuses = errors.mappings("statuses", CIRCUIT_LIMITS.statuses)?.map(readStatuses);
  const decoded: CircuitErrors = {
    statuses: statuses ?? otherwise.statuses,
    grpc: errors.wholes("grpc", GRPC_STATUS.max, GRPC_STATUS) ?? otherwise.grpc,
    slowerThanMs: errors.wholeIfSaid("slowerThanMs", CIRCUIT_BOUNDS.slowerThanMs),
  };
  errors.end();
  return decoded;
}

function readStatuses(range: StructReader): StatusRange {
  const start = range.whole("start", STATUS, undefined);
  const end = range.whole("end", STATUS, undefined);
  if (end <= start) range.place("end").refuse("is not above the start", end, `above ${start}`);
  range.end();
  return { start, end };
}

function readFallback(fallback: StructReader | undefined): CircuitFallback | undefined {
  if (fallback === undefined) return undefined;
  const kind = fallback.word("kind", ["static", "cluster", "lastGood"], undefined);
  const decoded = readFallbackOf(kind, fallback);
  fallback.end();
  return decoded;
}

function readFallbackOf(kind: CircuitFallback["kind"], fallback: StructReader): CircuitFallback {
  if (kind === "cluster") {
    return { kind, cluster: fallback.text("cluster", CLUSTER_NAME_BYTES, undefined) };
  }
  if (kind === "lastGood") {
    const maxAgeMs = fallback.whole("maxAgeMs", CIRCUIT_BOUNDS.maxAgeMs, undefined);
    return {
      kind,
      maxAgeMs,
      maxBytes: fallback.whole("maxBytes", CIRCUIT_BOUNDS.maxBytes, undefined),
    };
  }
  return {
    kind,
    status: fallback.whole("status", CIRCUIT_BOUNDS.fallbackStatus, undefined),
    headers: fallback.mappings("headers", CIRCUIT_LIMITS.fallbackHeaders)?.map(readHeader) ?? [],
    body: fallback.text("body", CIRCUIT_LIMITS.fallbackBodyBytes, "", true),
  };
}

function readHeader(header: StructReader): { readonly name: string; readonly value: string } {
  const name = header.text("name", CIRCUIT_LIMITS.headerNameBytes, undefined).toLowerCase();
  const value = header.text("value", CIRCUIT_LIMITS.headerValueBytes, "", true);
  const badName = name === "" ? undefined : badHeaderName(name);
  const badValue = badHeaderValue(value);
  if (badName !== undefined) header.place("name").refuse(badName.problem, name, badName.allowed);
  if (badValue !== undefined) {
    header.place("value").refuse(badValue.problem, value, badValue.allowed);
  }
  header.end();
  return { name, value };
}
