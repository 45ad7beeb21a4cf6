import { formatDuration } from "../../../base/duration.ts";
import {
  CIRCUIT_BOUNDS,
  CIRCUIT_DEFAULTS,
  CIRCUIT_LIMITS,
  DEFAULT_SHARE,
} from "../../../model/resilience/circuit-bounds.ts";
import type { IntegerField, ObjectField } from "./field.ts";

/** gRPC's statuses by number; OK, the first, is no error. */
export const GRPC_STATUSES: readonly string[] = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS " +
  "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED " +
  "INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");

/** Kinds that a circuit may stand at, by the group that serves them. */
export const TARGET_GROUPS = {
  Service: "",
  Namespace: "",
  ServiceEntry: "networking.istio.io",
  VirtualService: "networking.istio.io",
  HTTPRoute: "gateway.networking.k8s.io",
  GRPCRoute: "gateway.networking.k8s.io",
} as const;

export type TargetKind = keyof typeof TARGET_GROUPS;
export const TARGET_KINDS: readonly TargetKind[] = Object.keys(TARGET_GROUPS) as TargetKind[];

const NAME = { minLength: 1, maxBytes: 253 };
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const { window, sleepMs, probes, errors, explains } = CIRCUIT_DEFAULTS;

function integer(
  bounds: { readonly min: number; readonly max: number },
  description: string,
  otherwise?: number,
): IntegerField {
  const { min, max } = bounds;
  const field: IntegerField = { type: "integer", description, min, max };
  return otherwise === undefined ? field : { ...field, default: otherwise };
}

export const TARGET_REF: ObjectField<"group" | "kind" | "name" | "namespace" | "sectionName"> = {
  type: "object",
  description: "An object of the policy's own namespace.",
  required: ["kind", "name"],
  properties: {
    group: {
      type: "text",
      description: "The API group of the kind. It may be left out; the kind says it.",
      maxBytes: 253,
    },
    kind: {
      type: "word",
      description:
        "Service and ServiceEntry: one circuit for each of its ports and subsets. Namespace: the " +
        "same for every service in it. HTTPRoute, GRPCRoute and VirtualService: one circuit for " +
        "each of its rules that forwards.",
      words: TARGET_KINDS,
    },
    name: { type: "text", description: "The object's name.", ...NAME },
    namespace: {
      type: "text",
      description: "The policy's own, where it is written: others are refused.",
      ...NAME,
    },
    sectionName: {
      type: "text",
      description: "Of a route: the name of one of its rules. Left out: all of them.",
      ...NAME,
    },
  },
};

export const WINDOW: ObjectField<"duration" | "buckets"> = {
  type: "object",
  description: "How far back calls are counted.",
  isFilledIn: true,
  properties: {
    duration: {
      type: "duration",
      description: "The window slides over this time, bucket by bucket.",
      ...CIRCUIT_BOUNDS.windowMs,
      default: formatDuration(window.durationMs),
    },
    buckets: integer(
      CIRCUIT_BOUNDS.buckets,
      "Into so many parts the window is divided, each of whole milliseconds.",
      window.buckets,
    ),
  },
};

export const OPEN: ObjectField<"requestVolume" | "errorPercentage" | "consecutiveErrors"> = {
  type: "object",
  description:
    "When the circuit opens: by the share of errors in the window, or by errors in a row. Left " +
    "out: 50 percent of at least 20 calls.",
  rules: [
    {
      kind: "excludes",
      name: "consecutiveErrors",
      others: ["requestVolume", "errorPercentage"],
    },
  ],
  properties: {
    requestVolume: integer(
      CIRCUIT_BOUNDS.requestVolume,
      `With fewer calls in the window it stays closed. Left out: ${DEFAULT_SHARE.requestVolume}.`,
    ),
    errorPercentage: integer(
      CIRCUIT_BOUNDS.errorPercentage,
      "It opens when this share of the window's calls are errors, or more. Left out: " +
        `${DEFAULT_SHARE.errorPercentage}.`,
    ),
    consecutiveErrors: integer(
      CIRCUIT_BOUNDS.consecutiveErrors,
      "It opens when so many calls in a row are errors, whatever their share is.",
    ),
  },
};

export const ERRORS: ObjectField<"statuses" | "grpc" | "slowerThan"> = {
  type: "object",
  description:
    "What counts as an error, beside connections that fail or break and timeouts, which always do.",
  isFilledIn: true,
  properties: {
    statuses: {
      type: "list",
      description: "HTTP statuses: 503, 5xx, 500-504.",
      maxItems: CIRCUIT_LIMITS.statuses,
      items: { type: "statuses", description: "A status, a class or a range." },
      default: ["5xx"],
    },
    grpc: {
      type: "list",
      description: "Statuses of gRPC calls.",
      maxItems: GRPC_STATUSES.length - 1,
      items: { type: "word", description: "A status.", words: GRPC_STATUSES.slice(1) },
      default: errors.grpc.map((status) => GRPC_STATUSES[status] ?? ""),
    },
    slowerThan: {
      type: "duration",
      description:
        "Calls whose answer ends later than this are errors as well. Left out: slowness is none.",
      ...CIRCUIT_BOUNDS.slowerThanMs,
    },
  },
};

export const HALF_OPEN: ObjectField<"probes"> = {
  type: "object",
  description: "How it is found out whether calls succeed again.",
  isFilledIn: true,
  properties: {
    probes: integer(
      CIRCUIT_BOUNDS.probes,
      "So many calls are let through after the sleep. All must succeed to close the circuit; one " +
        "error opens it again.",
      probes,
    ),
  },
};

export const BULKHEAD: ObjectField<"maxConcurrent"> = {
  type: "object",
  description: "Calls at one time. Left out: any number.",
  required: ["maxConcurrent"],
  properties: {
    maxConcurrent: integer(
      CIRCUIT_BOUNDS.maxConcurrent,
      "Calls above this are refused at once, whether the circuit is open or not.",
    ),
  },
};

export const STATIC: ObjectField<"status" | "headers" | "body"> = {
  type: "object",
  description: "This answer.",
  properties: {
    status: integer(CIRCUIT_BOUNDS.fallbackStatus, "The answer's status.", 200),
    headers: {
      type: "headers",
      description: "The answer's headers, but for those of one connection and the length.",
      maxProperties: CIRCUIT_LIMITS.fallbackHeaders,
    },
    body: {
      type: "text",
      description: "The answer's body.",
      maxBytes: CIRCUIT_LIMITS.fallbackBodyBytes,
      default: "",
    },
  },
};

export const FALLBACK_SERVICE: ObjectField<"name" | "namespace" | "port" | "subset"> = {
  type: "object",
  description: "The call goes to this service instead.",
  required: ["name"],
  properties: {
    name: { type: "text", description: "The Service's name.", ...NAME },
    namespace: {
      type: "text",
      description: "The Service's namespace. Left out: the policy's.",
      minLength: 1,
      maxBytes: 63,
      pattern: LABEL,
      allowed: "a DNS label",
    },
    port: integer(
      { min: 1, max: 65_535 },
      "The Service's port. Left out: its only one, else the port that was called.",
    ),
    subset: {
      type: "text",
      description: "A subset that the Service's DestinationRule names. Left out: all endpoints.",
      minLength: 1,
      maxBytes: 63,
    },
  },
};

export const LAST_GOOD: ObjectField<"maxAge" | "maxBytes"> = {
  type: "object",
  description:
    "The last successful answer to the same GET request without Authorization and Cookie, with " +
    "the headers age and warning.",
  properties: {
    maxAge: {
      type: "duration",
      description: "Older answers are not given.",
      ...CIRCUIT_BOUNDS.maxAgeMs,
      default: "5m",
    },
    maxBytes: {
      type: "bytes",
      description: "All kept answers together take no more than this.",
      ...CIRCUIT_BOUNDS.maxBytes,
      default: "1Mi",
    },
  },
};

export const FALLBACK: ObjectField<"static" | "service" | "lastGood"> = {
  type: "object",
  description:
    "What a refused or failed call gets; exactly one of them. Left out: 503 for a refused call, " +
    "and what came for a failed one.",
  rules: [{ kind: "exactlyOne", names: ["static", "service", "lastGood"] }],
  properties: { static: STATIC, service: FALLBACK_SERVICE, lastGood: LAST_GOOD },
};

export type SpecName =
  | "targetRefs"
  | "window"
  | "open"
  | "errors"
  | "sleep"
  | "halfOpen"
  | "scope"
  | "bulkhead"
  | "fallback"
  | "explain";

export const CIRCUIT_BREAKER_SPEC: ObjectField<SpecName> = {
  type: "object",
  description:
    "A circuit between callers and what they call, as Hystrix has it: while too many calls fail " +
    "it is open, and calls are answered at once.",
  required: ["targetRefs"],
  properties: {
    targetRefs: {
      type: "list",
      description:
        "Where circuits stand. A route's circuit counts before its service's, a service's own " +
        "policy before its namespace's.",
      minItems: 1,
      maxItems: 16,
      items: TARGET_REF,
    },
    window: WINDOW,
    open: OPEN,
    errors: ERRORS,
    sleep: {
      type: "duration",
      description: "How long it stays open before calls are tried again.",
      ...CIRCUIT_BOUNDS.sleepMs,
      default: formatDuration(sleepMs),
    },
    halfOpen: HALF_OPEN,
    scope: {
      type: "word",
      description:
        "Caller: each caller's sidecar decides by its own calls. Mesh: what one finds out holds " +
        "for all of them.",
      words: ["Caller", "Mesh"],
      default: "Caller",
    },
    bulkhead: BULKHEAD,
    fallback: FALLBACK,
    explain: {
      type: "boolean",
      description: "Refused calls hear the policy's name: x-outrigger-circuit: namespace/name.",
      default: explains,
    },
  },
};
