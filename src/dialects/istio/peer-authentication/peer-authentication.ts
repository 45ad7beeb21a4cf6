import type { PolicyScope } from "../../../model/policy/access-policy.ts";
import type {
  MutualTlsMode,
  PeerAuthentication,
  WrittenMode,
} from "../../../model/policy/peer-authentication.ts";
import { readSelector } from "../selector.ts";
import type { Spec } from "../spec.ts";

const MODES: Readonly<Partial<Record<string, MutualTlsMode>>> = {
  UNSET: "unset",
  DISABLE: "disable",
  PERMISSIVE: "permissive",
  STRICT: "strict",
};

/**
 * A PeerAuthentication; which one holds for a pod is decided by
 * `model/precedence/peer-authentication.ts`. Undefined for one that holds for nobody: with a
 * selector in the root namespace, Istio's pods do not look at it.
 */
export function readPeerAuthentication(
  spec: Spec,
  rootNamespace: string,
): PeerAuthentication | undefined {
  const selector = readSelector(spec.at("selector"), "matchLabels");
  const labels = selector ?? {};
  const selects = Object.keys(labels).length > 0;
  const ports = spec.at("portLevelMtls");
  if (ports.present) checkPorts(ports, selects);
  const inRoot = spec.namespace === rootNamespace;
  if (inRoot && selects) {
    reportIgnored(spec, rootNamespace);
    return undefined;
  }
  const scope: PolicyScope = { namespace: inRoot ? undefined : spec.namespace, labels };
  const { mode, origin } = readMode(spec.at("mtls"));
  return {
    namespace: spec.namespace,
    name: spec.object.name,
    scope,
    mode,
    portModes: selects ? readPorts(ports) : new Map(),
    creationTimestamp: spec.object.creationTimestamp,
    origin: spec.at("mtls").present ? origin : spec.object.origin(),
  };
}

function readMode(mtls: Spec): WrittenMode {
  const mode = mtls.at("mode");
  return {
    mode: MODES[mode.text() ?? ""] ?? "unset",
    origin: (mode.present ? mode : mtls).origin(),
  };
}

function readPorts(ports: Spec): ReadonlyMap<number, WrittenMode> {
  const known = ports.entries().filter(([port]) => isPort(port));
  return new Map(known.map(([port, mtls]) => [Number(port), readMode(mtls)]));
}

function isPort(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

const PORTS = "container ports, 1..65535, in quotes";

function checkPorts(ports: Spec, selects: boolean): void {
  if (!selects) {
    ports.refuse(
      "portLevelMtls requires selector: " +
        "mesh/namespace peer authentication cannot have port level mTLS",
      "selector.matchLabels beside it",
    );
  }
  const entries = ports.entries();
  if (entries.length === 0) {
    ports.refuse("spec.portLevelMtls in body should have at least 1 properties", PORTS);
  }
  for (const [port, mtls] of entries) {
    if (isPort(port)) continue;
    const isNumber = /^\d+$/.test(port);
    const problem = isNumber
      ? "port must be between 1-65535"
      : "port: type conversion error from 'string' to 'int'";
    mtls.refuseKey(problem, PORTS);
  }
}

/** Who believes that it protects must learn otherwise. */
function reportIgnored(spec: Spec, rootNamespace: string): void {
  spec
    .at("selector")
    .report(
      "warning",
      "OUT0308",
      `This policy holds for no pod: in the root namespace ${rootNamespace} ` +
        "a PeerAuthentication with a selector is ignored",
      { hint: "write it in the pods' own namespace, or leave the selector out" },
    );
}
