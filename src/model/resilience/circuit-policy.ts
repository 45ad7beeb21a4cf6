import type { Origin } from "../origin.ts";
import type { CircuitBreaker, CircuitFallback } from "./circuit-breaker.ts";

/**
 * A wanted circuit and where it shall stand: `outrigger.dev/v1alpha1 CircuitBreaker`. Targets are
 * of the policy's own namespace. `model/precedence/circuit.ts` says which one holds.
 */
export interface CircuitPolicy {
  readonly namespace: string;
  readonly name: string;
  /** RFC 3339; empty where the YAML has none. Older wins, then namespace/name. */
  readonly creationTimestamp: string;
  readonly targets: readonly CircuitTarget[];
  /** All but where a fallback goes, which differs from client to client. */
  readonly circuit: Omit<CircuitBreaker, "fallback">;
  readonly fallback: PolicyFallback | undefined;
  readonly origin: Origin;
}

export type CircuitTarget =
  /** Every service of the namespace. */
  | { readonly kind: "Namespace"; readonly origin: Origin }
  | {
      readonly kind: "Service" | "ServiceEntry";
      readonly name: string;
      readonly origin: Origin;
    }
  | {
      readonly kind: "HTTPRoute" | "GRPCRoute" | "VirtualService";
      readonly name: string;
      /** A rule's name; undefined: all rules. */
      readonly sectionName: string | undefined;
      readonly origin: Origin;
    };

export type PolicyFallback =
  | Exclude<CircuitFallback, { readonly kind: "cluster" }>
  | {
      readonly kind: "service";
      /** FQDN. */
      readonly host: string;
      /** Undefined: the service's only one, else the port that was called. */
      readonly port: number | undefined;
      /** Empty: all endpoints. */
      readonly subset: string;
      readonly origin: Origin;
    };
