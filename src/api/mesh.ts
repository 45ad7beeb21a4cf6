/** What the control plane tells of the mesh. Every answer is a JSON array of one of these. */

/** `GET /api/services`. */
export interface ServiceRow {
  /** FQDN. */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePortRow[];
  /** `namespace/name` of its pods, ready ones only. */
  readonly pods: readonly string[];
  readonly external: boolean;
  /** `deploy/reviews.yaml:12:1`. */
  readonly origin: string;
}

export interface ServicePortRow {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** `GET /api/pods`. */
export interface PodRow {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly workload: string;
  /** The label `app`; empty where it has none. */
  readonly app: string;
  /** The label `version`; empty where it has none. */
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly containers: readonly string[];
  readonly ready: boolean;
  /** Hosts of the services that it belongs to. */
  readonly services: readonly string[];
}

/** `GET /api/splits`: where configuration divides the requests to one service. */
export interface SplitRow {
  /** The service that clients address, an FQDN. */
  readonly service: string;
  readonly namespace: string;
  /** The rule's name; empty where it has none. */
  readonly rule: string;
  /** False where the rule holds only for requests that match something. */
  readonly unconditional: boolean;
  /** `istio`, `gateway-api` or `smi`. */
  readonly dialect: string;
  /** `VirtualService default/reviews`. */
  readonly subject: string;
  /** `policies/reviews.yaml:12:5`. */
  readonly origin: string;
  /** The annotation `outrigger.dev/rationale`; empty where there is none. */
  readonly rationale: string;
  readonly backends: readonly SplitBackendRow[];
}

export interface SplitBackendRow {
  /** The service that serves this share, an FQDN. */
  readonly service: string;
  readonly subset: string;
  /** The `version` that the subset's labels, or all of the backend's pods, carry; else empty. */
  readonly version: string;
  readonly weight: number;
  /** 0..1, of the weights' sum. */
  readonly share: number;
}
