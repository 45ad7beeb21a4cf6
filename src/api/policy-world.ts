import { EMPTY_MESH, type Labels, type Mesh, type Pod } from "../model/mesh.ts";
import { NO_SECURITY } from "../model/policy/security.ts";

/** The part of a mesh that decides who may do what. */
export interface PolicyWorld {
  readonly mesh: Mesh;
  readonly pods: readonly Pod[];
}

/**
 * `GET /api/policies`: that part of the running mesh, as JSON. What containers run with, and what
 * may hold a secret, is left out: environment, commands, headers for authorizers, token keys.
 */
export function tellPolicies(mesh: Mesh, pods: readonly Pod[]): unknown {
  const { peerAuthentications, accessPolicies } = mesh.security;
  const { authorizationProviders = [], ...settings } = mesh.settings;
  return {
    settings: {
      ...settings,
      accessLogs: [],
      authorizationProviders: authorizationProviders.map((provider) => ({
        ...provider,
        additionalHeaders: {},
      })),
    },
    services: mesh.services.map((service) => ({ ...service, annotations: {} })),
    namespaces: mesh.namespaces.map((namespace) => ({
      ...namespace,
      annotations: meshOnes(namespace.annotations),
    })),
    accessPolicies,
    peerAuthentications: peerAuthentications.map(({ portModes, ...policy }) => ({
      ...policy,
      portModes: [...portModes],
    })),
    pods: pods.map((pod) => ({ ...bare(pod), appSockets: undefined })),
    podTemplates: mesh.podTemplates.map(bare),
  };
}

function bare<T extends Pick<Pod, "annotations" | "containers">>(pod: T): T {
  return {
    ...pod,
    annotations: meshOnes(pod.annotations),
    containers: pod.containers.map(({ name, ports, origin }) => ({
      name,
      ports,
      origin,
      image: "",
      command: [],
      args: [],
      env: {},
    })),
  };
}

/** Those that speak to a mesh; others are nobody's business. */
function meshOnes(annotations: Labels): Labels {
  const speaks = (name: string): boolean => /(?:^|\.)(?:istio|linkerd)\.io\//.test(name);
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => speaks(name)));
}

/** What `tellPolicies` has told; undefined where it is something else. */
export function readPolicies(text: string): PolicyWorld | undefined {
  const told: unknown = parsed(text);
  if (typeof told !== "object" || told === null) return undefined;
  const {
    accessPolicies,
    namespaces,
    peerAuthentications,
    pods,
    podTemplates,
    services,
    settings,
  } = told as Partial<ToldPolicies>;
  const lists = [accessPolicies, namespaces, peerAuthentications, pods, podTemplates, services];
  if (!lists.every(Array.isArray) || typeof settings !== "object") return undefined;
  return {
    pods: pods ?? [],
    mesh: {
      ...EMPTY_MESH,
      settings,
      services: services ?? [],
      podTemplates: podTemplates ?? [],
      namespaces: namespaces ?? [],
      security: {
        ...NO_SECURITY,
        accessPolicies: accessPolicies ?? [],
        peerAuthentications: (peerAuthentications ?? []).map((policy) => ({
          ...policy,
          portModes: new Map(policy.portModes),
        })),
      },
    },
  };
}

type Told<Key extends keyof Mesh["security"]> = Mesh["security"][Key];

interface ToldPolicies extends Pick<Mesh, "settings" | "services" | "namespaces" | "podTemplates"> {
  readonly pods: readonly Pod[];
  readonly accessPolicies: Told<"accessPolicies">;
  readonly peerAuthentications: Told<"peerAuthentications">;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
