import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { DestinationPolicy, TlsSettings } from "../../../model/destination-policy.ts";
import type { Mesh, Service, ServicePort } from "../../../model/mesh.ts";
import { type Origin, subjectOf } from "../../../model/origin.ts";
import { podsOf, targetPortOf } from "../../../model/precedence/endpoints.ts";
import { hostMatches } from "../../../model/precedence/host.ts";
import {
  type PeerMode,
  peerModeOf,
  peerModes,
  scopeMode,
} from "../../../model/precedence/peer-authentication.ts";

type Described = Pick<
  Mesh,
  "services" | "podTemplates" | "destinationPolicies" | "security" | "settings" | "credentials"
>;

/**
 * DestinationRules whose TLS the pods do not take, under Kiali's codes where it has one. Without a
 * PeerAuthentication pods take both, so that nothing is said of those.
 */
export function reportMutualTls(mesh: Described): Diagnostic[] {
  return [
    ...mesh.destinationPolicies.flatMap((policy) => ruleFindings(mesh, policy)),
    ...mesh.destinationPolicies.flatMap((policy) => missingSecrets(mesh, policy)),
    ...missingRules(mesh),
  ];
}

/** IST0101: requests get 503 until the Secret is there. */
function missingSecrets(mesh: Described, policy: DestinationPolicy): readonly Diagnostic[] {
  return blocksOf(policy).flatMap(({ tls: { credentialName, origin } }) => {
    const known = (mesh.credentials ?? []).some(
      ({ name, namespace }) => name === credentialName && namespace === policy.namespace,
    );
    if (credentialName === "" || known) return [];
    const message = `Referenced credentialName not found: "${credentialName}"`;
    const hint = `a Secret of namespace ${policy.namespace} with tls.crt, tls.key or ca.crt`;
    return [finding("IST0101", message, origin, hint)];
  });
}

/** A `tls` of a rule, and the port and subset that it is for. */
interface Block {
  readonly tls: TlsSettings;
  readonly port: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

function blocksOf({ traffic, subsets }: DestinationPolicy): readonly Block[] {
  const all = [
    { traffic, labels: {} },
    ...subsets.map(({ labels, traffic: own }) => ({ traffic: own, labels })),
  ];
  return all.flatMap(({ traffic: own, labels }) => [
    ...(own.tls === undefined ? [] : [{ tls: own.tls, port: undefined, labels }]),
    ...own.ports.flatMap(({ tls, port }) => (tls === undefined ? [] : [{ tls, port, labels }])),
  ]);
}

function ruleFindings(mesh: Described, policy: DestinationPolicy): readonly Diagnostic[] {
  const scope = scopeOf(policy.host, mesh);
  return blocksOf(policy).flatMap((block) => {
    if (scope === undefined) return hostFinding(mesh, policy.host, block);
    const peer = scopeMode(mesh, scope.namespace);
    return contradicts(block.tls, peer) ? [wideFinding(block.tls, peer, scope)] : [];
  });
}

interface Scope {
  /** Undefined: the mesh. */
  readonly namespace: string | undefined;
}

/** `*.local` and the like mean the mesh, `*.shop.svc.cluster.local` a namespace. */
function scopeOf(host: string, { settings }: Pick<Mesh, "settings">): Scope | undefined {
  if (!host.startsWith("*")) return undefined;
  const suffix = `.svc.${settings.clusterDomain}`;
  const namespace = host.endsWith(suffix) ? host.slice(2, -suffix.length) : "";
  if (namespace !== "") return { namespace };
  return hostMatches(host, `a.b${suffix}`) ? { namespace: undefined } : undefined;
}

/** Whether a request by the rule is not taken. Whose certificates MUTUAL shows is not known. */
function contradicts({ mode }: TlsSettings, { mode: taken }: PeerMode): boolean {
  if (taken === "strict") return mode === "disable" || mode === "simple";
  return taken === "disable" && (mode === "istioMutual" || mode === "mutual");
}

/** Kiali's words. */
const WIDE = {
  meshMissing: ["KIA0205", "PeerAuthentication enabling mTLS at mesh level is missing"],
  namespaceMissing: ["KIA0206", "PeerAuthentication enabling namespace-wide mTLS is missing"],
  namespaceStrict: [
    "KIA0207",
    "PeerAuthentication with TLS strict mode found, it should be permissive",
  ],
  meshStrict: ["KIA0208", "PeerAuthentication enabling mTLS found, permissive mode needed"],
} as const;

function wideFinding(tls: TlsSettings, peer: PeerMode, { namespace }: Scope): Diagnostic {
  const where = namespace === undefined ? "mesh" : "namespace";
  const [code, message] = WIDE[`${where}${peer.mode === "strict" ? "Strict" : "Missing"}`];
  return finding(code, message, tls.origin, `${told(peer)}; requests by this rule get 503`);
}

function hostFinding(mesh: Described, host: string, block: Block): readonly Diagnostic[] {
  for (const service of mesh.services) {
    if (service.external || !hostMatches(host, service.host)) continue;
    for (const port of service.ports) {
      if (block.port !== undefined && block.port !== port.port) continue;
      const peer = takenAt(mesh, service, port, block);
      if (peer === undefined || !contradicts(block.tls, peer)) continue;
      const asked = MODES[block.tls.mode];
      const message =
        `${asked} does not reach port ${port.port} of ${service.host}, ` +
        `whose pods take ${peer.mode === "strict" ? "mTLS" : "plaintext"} alone`;
      return [finding("OUT0309", message, block.tls.origin, told(peer))];
    }
  }
  return [];
}

const MODES: Readonly<Record<TlsSettings["mode"], string>> = {
  disable: "DISABLE",
  simple: "SIMPLE",
  mutual: "MUTUAL",
  istioMutual: "ISTIO_MUTUAL",
};

/** What some pod behind the port takes that contradicts, else what the first takes. */
function takenAt(
  mesh: Described,
  service: Service,
  port: ServicePort,
  { labels, tls }: Block,
): PeerMode | undefined {
  const pods = podsOf(service, mesh.podTemplates).filter((pod) =>
    Object.entries(labels).every(([key, value]) => pod.labels[key] === value),
  );
  const taken = pods.map((pod) => peerModeOf(peerModes(mesh, pod), targetPortOf(pod, port)));
  return taken.find((peer) => contradicts(tls, peer)) ?? taken[0];
}

/** Where nothing is automatic, who asks for mTLS has to tell the clients as well. */
function missingRules(mesh: Described): readonly Diagnostic[] {
  if (mesh.settings.autoMtls !== false) return [];
  return mesh.security.peerAuthentications
    .filter(({ scope }) => Object.keys(scope.labels).length === 0)
    .flatMap(({ mode, origin, scope: { namespace } }) => {
      const sent = wideMode(mesh, namespace);
      if (mode === "strict" && sent !== "istioMutual" && sent !== "mutual") {
        const [code, what] = namespace === undefined ? MESH_RULE : NAMESPACE_RULE;
        return [finding(code, what, origin, "enableAutoMtls is off: clients send plaintext")];
      }
      if (mode === "disable" && (sent === "istioMutual" || sent === "mutual")) {
        const [code, what] = namespace === undefined ? MESH_PLAIN : NAMESPACE_PLAIN;
        return [finding(code, what, origin, "a wider DestinationRule asks clients for mTLS")];
      }
      return [];
    });
}

const MESH_RULE = ["KIA0401", "Mesh-wide Destination Rule enabling mTLS is missing"] as const;
const NAMESPACE_RULE = [
  "KIA0501",
  "Destination Rule enabling namespace-wide mTLS is missing",
] as const;
const NAMESPACE_PLAIN = [
  "KIA0505",
  "Destination Rule disabling namespace-wide mTLS is missing",
] as const;
const MESH_PLAIN = ["KIA0506", "Destination Rule disabling mesh-wide mTLS is missing"] as const;

/** What wide rules ask of clients of a namespace's services, or of the mesh's. */
function wideMode(mesh: Described, namespace: string | undefined): TlsSettings["mode"] | undefined {
  const wide = mesh.destinationPolicies.flatMap((policy) => {
    const scope = scopeOf(policy.host, mesh);
    return scope === undefined ? [] : [{ policy, scope }];
  });
  const own = wide.find(({ scope }) => scope.namespace === namespace);
  const ofMesh = wide.find(({ scope }) => scope.namespace === undefined);
  return (own ?? ofMesh)?.policy.traffic.tls?.mode;
}

function told({ origin }: PeerMode): string {
  if (origin === undefined) return "no PeerAuthentication speaks of it";
  const { file, line } = origin.position;
  return `${subjectOf(origin)} (${file}:${line}) says so`;
}

function finding(code: string, message: string, origin: Origin, hint: string): Diagnostic {
  const { position, path } = origin;
  return { code, severity: "warning", message, position, subject: subjectOf(origin), path, hint };
}
