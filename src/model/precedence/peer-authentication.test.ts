import { describe, expect, it } from "vitest";
import type { Labels } from "../mesh.ts";
import type { Origin } from "../origin.ts";
import type { MutualTlsMode, PeerAuthentication } from "../policy/peer-authentication.ts";
import { NO_SECURITY } from "../policy/security.ts";
import { peerModeOf, peerModes, scopeMode } from "./peer-authentication.ts";

function originOf(name: string): Origin {
  const position = { file: "a.yaml", line: 1, column: 1 };
  return { position, kind: "PeerAuthentication", namespace: "shop", name, path: "" };
}

interface Said {
  readonly name?: string;
  readonly labels?: Labels;
  readonly ports?: Readonly<Record<number, MutualTlsMode>>;
  readonly at?: string;
}

/** `namespace`: empty for the mesh. */
function policy(namespace: string, mode: MutualTlsMode, said: Said = {}): PeerAuthentication {
  const { name = "a", labels = {}, ports = {}, at = "" } = said;
  return {
    namespace: namespace || "istio-system",
    name,
    scope: { namespace: namespace || undefined, labels },
    mode,
    portModes: new Map(
      Object.entries(ports).map(([port, each]) => [
        Number(port),
        { mode: each, origin: originOf(`${name}:${port}`) },
      ]),
    ),
    creationTimestamp: at,
    origin: originOf(name),
  };
}

const WEB = { labels: { app: "web" } };
const POD = { namespace: "shop", labels: { app: "web", version: "v1" } };

function modesFor(policies: readonly PeerAuthentication[], pod = POD) {
  return peerModes({ security: { ...NO_SECURITY, peerAuthentications: policies } }, pod);
}

describe("what a pod takes", () => {
  it.each([
    { says: "nothing: both", policies: [], mode: "permissive" },
    { says: "the mesh's policy", policies: [policy("", "strict")], mode: "strict" },
    {
      says: "the namespace's, over the mesh's",
      policies: [policy("shop", "disable"), policy("", "strict")],
      mode: "disable",
    },
    {
      says: "the pod's own, over the namespace's",
      policies: [
        policy("shop", "disable"),
        policy("shop", "permissive", WEB),
        policy("", "strict"),
      ],
      mode: "permissive",
    },
    {
      says: "the mesh's where the others are not set",
      policies: [policy("", "strict"), policy("shop", "unset"), policy("shop", "unset", WEB)],
      mode: "strict",
    },
    { says: "both where nothing is set", policies: [policy("", "unset")], mode: "permissive" },
    { says: "nothing of other namespaces", policies: [policy("x", "strict")], mode: "permissive" },
    {
      says: "nothing that selects other pods, or pods elsewhere",
      policies: [
        policy("shop", "strict", { labels: { app: "api" } }),
        policy("shop", "strict", { labels: { app: "web", version: "v2" } }),
        policy("x", "strict", WEB),
      ],
      mode: "permissive",
    },
    {
      says: "the oldest of several for one scope, whatever their order",
      policies: [
        policy("shop", "disable", { at: "2026-01-02T00:00:00Z" }),
        policy("shop", "strict", { name: "z", at: "2026-01-01T00:00:00Z" }),
      ],
      mode: "strict",
    },
    {
      says: "the first by name of several of one age",
      policies: [policy("shop", "disable", { name: "b" }), policy("shop", "strict")],
      mode: "strict",
    },
    {
      says: "the oldest one's inheritance, though a younger one says more",
      policies: [
        policy("shop", "disable"),
        policy("shop", "unset", WEB),
        policy("shop", "strict", { ...WEB, name: "b" }),
      ],
      mode: "disable",
    },
  ])("is $says", ({ policies, mode }) => {
    expect(modesFor(policies).pod.mode).toBe(mode);
  });

  it("names the policy that decided, and none where it is the default", () => {
    const policies = [policy("", "strict", { name: "wide" }), policy("shop", "unset")];
    expect(modesFor(policies).pod.origin?.name).toBe("wide");
    expect(modesFor([]).pod.origin).toBeUndefined();
  });
});

describe("what a port takes", () => {
  const ports = { 80: "disable", 81: "strict", 82: "unset" } as const;
  const modes = modesFor([policy("", "strict"), policy("shop", "permissive", { ...WEB, ports })]);

  it.each([
    [80, "disable"],
    [81, "strict"],
    [82, "permissive"],
    [83, "permissive"],
    [undefined, "permissive"],
  ])("at %s is what is written for it, else what the pod takes: %s", (port, mode) => {
    expect(peerModeOf(modes, port).mode).toBe(mode);
  });

  it("follows the policy that selects the pod, though the mode is inherited", () => {
    const inherited = modesFor([policy("", "strict"), policy("shop", "unset", { ...WEB, ports })]);
    expect(peerModeOf(inherited, 80).mode).toBe("disable");
    expect(peerModeOf(inherited, 82).mode).toBe("strict");
    expect(peerModeOf(inherited, 80).origin?.name).toBe("a:80");
  });

  it("is not what a policy that lost says", () => {
    const lost = policy("shop", "strict", { ...WEB, name: "b", ports: { 80: "strict" } });
    const held = modesFor([policy("shop", "disable", WEB), lost]);
    expect(peerModeOf(held, 80).mode).toBe("disable");
  });
});

describe("what a scope takes", () => {
  const security = {
    ...NO_SECURITY,
    peerAuthentications: [policy("", "strict"), policy("shop", "disable"), policy("x", "unset")],
  };

  it.each([
    [undefined, "strict"],
    ["shop", "disable"],
    ["x", "strict"],
    ["y", "strict"],
  ])("namespace %s: %s", (namespace, mode) => {
    expect(scopeMode({ security }, namespace).mode).toBe(mode);
  });
});
