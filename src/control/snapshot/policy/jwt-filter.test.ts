import { describe, expect, it } from "vitest";
import { meshOf, podSnapshot } from "../../../../test/support/mesh.ts";
import { jwksOf, publicJwk, signingKey } from "../../../../test/support/tokens.ts";
import { readKeySet } from "../../../identity/keys/json-web-key.ts";
import type { JwtAuthn } from "../../../model/filter/jwt-authn.ts";
import type { Mesh } from "../../../model/mesh.ts";

const KEY = signingKey("one", "ES256");

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: keys, namespace: auth }
spec:
  selector: { app: keys }
  ports: [{ name: http, port: 8000 }]
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 9000 }] }] }
---
`;

/** `rules`: as a flow list. */
function policy(name: string, rules: string, more = "", namespace = "default"): string {
  return `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  ${more}
  jwtRules: ${rules}
---
`;
}

function inlined(issuer: string, jwks = jwksOf(KEY)): string {
  return `{ issuer: "${issuer}", jwks: '${jwks}' }`;
}

/** What is asked at each port that a pod's sidecar has a chain for. */
function askedBy(mesh: Mesh, pod = "web-0"): Map<number | undefined, JwtAuthn | undefined> {
  const inbound = podSnapshot(mesh, pod).listeners.find(({ name }) => name === "virtualInbound");
  return new Map(
    inbound?.filterChains.flatMap(({ filter, match }) => {
      if (filter.kind !== "http") return [];
      const jwt = filter.httpFilters.find(({ kind }) => kind === "jwtAuthn");
      return [[match.destinationPort, jwt?.kind === "jwtAuthn" ? jwt.authn : undefined]];
    }),
  );
}

function askedAt(port: number | undefined, ...policies: readonly string[]): JwtAuthn | undefined {
  return askedBy(meshOf(WEB + policies.join(""))).get(port);
}

describe("RequestAuthentications become a JWT filter", () => {
  it("that takes requests without token, and bad tokens from none", () => {
    const asked = askedAt(8080, policy("a", `[${inlined("https://one")}]`));
    expect(asked?.rules).toMatchObject([
      {
        match: { path: { kind: "prefix", value: "/" } },
        requires: {
          kind: "any",
          of: [{ kind: "provider", provider: "origins-0" }, { kind: "allowMissing" }],
        },
      },
    ]);
    expect(asked).toMatchObject({ bypassCorsPreflight: true, stripFailureResponse: false });
    expect(asked?.providers).toMatchObject([
      { issuer: "https://one", payloadInMetadata: "payload", forward: false },
    ]);
    expect(asked?.providers[0]?.spaceDelimitedClaims).toEqual(["permission", "scope"]);
  });

  it("that joins the rules of all policies by issuer", () => {
    const asked = askedAt(
      8080,
      policy("a", `[${inlined("https://two")}, ${inlined("https://one")}]`),
      policy("b", `[${inlined("https://three")}]`, "", "istio-system"),
    );
    expect(asked?.providers.map(({ issuer }) => issuer)).toEqual([
      "https://one",
      "https://three",
      "https://two",
    ]);
    expect(asked?.rules[0]?.requires).toMatchObject({
      kind: "any",
      of: [
        { provider: "origins-0" },
        { provider: "origins-1" },
        { provider: "origins-2" },
        { kind: "all", of: [{ kind: "any" }, { kind: "any" }, { kind: "any" }] },
      ],
    });
  });

  it("at every port, declared or not, where the policy holds for the pod", () => {
    const asked = askedBy(meshOf(WEB + policy("a", `[${inlined("https://one")}]`)));
    expect([...asked.keys()]).toEqual(expect.arrayContaining([8080, 9000, undefined]));
    expect([...asked.values()].every((authn) => authn !== undefined)).toBe(true);
  });

  it("at no port of other pods", () => {
    const other = "selector: { matchLabels: { app: other } }";
    expect(askedAt(8080, policy("a", `[${inlined("https://one")}]`, other))).toBeUndefined();
    expect(askedAt(8080, policy("a", `[${inlined("https://one")}]`, "", "auth"))).toBeUndefined();
  });

  it("where a service leads to that it is for", () => {
    const target = "targetRefs: [{ kind: Service, group: '', name: web }]";
    const policies = policy("a", `[${inlined("https://one")}]`, target);
    expect(askedAt(8080, policies)).toBeDefined();
    expect(askedAt(9000, policies)).toBeUndefined();
  });

  it("before the rules that ask about its claims", () => {
    const mesh = meshOf(`${WEB}${policy("a", `[${inlined("https://one")}]`)}
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: a }
spec: { rules: [{ from: [{ source: { requestPrincipals: ["*"] } }] }] }
`);
    const { listeners } = podSnapshot(mesh, "web-0");
    const chain = listeners
      .find(({ name }) => name === "virtualInbound")
      ?.filterChains.find(({ match }) => match.destinationPort === 8080);
    const kinds = chain?.filter.kind === "http" && chain.filter.httpFilters.map(({ kind }) => kind);
    expect(kinds).toEqual(["telemetry", "jwtAuthn", "rbac", "router"]);
  });
});

describe("a rule's keys", () => {
  const keysOf = (rule: string): unknown =>
    askedAt(8080, policy("a", `[${rule}]`))?.providers[0]?.jwks;

  it("reach proxies without anything that is not public", () => {
    const secret = { ...KEY.privateKey.export({ format: "jwk" }), kid: "one", alg: "ES256" };
    const shared = { kty: "oct", k: "c2VjcmV0", kid: "two" };
    const jwks = JSON.stringify({ keys: [secret, shared] });
    const { x, y } = publicJwk(KEY);
    expect(keysOf(inlined("https://one", jwks))).toEqual({
      kind: "inline",
      text: JSON.stringify({
        keys: [{ kty: "EC", crv: "P-256", x, y, kid: "one", alg: "ES256", use: "sig" }],
      }),
    });
  });

  it.each([
    ["that are at a URL", '{ issuer: "https://one", jwksUri: "https://one/keys" }'],
    ["that the issuer tells", '{ issuer: "https://one" }'],
    ["that verify nothing", inlined("https://one", '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}')],
  ])("%s are nobody's until they are known", (_, rule) => {
    const jwks = keysOf(rule) as { readonly kind: string; readonly text: string };
    expect(jwks.kind).toBe("inline");
    expect(readKeySet(jwks.text)).toHaveLength(1);
    expect(jwks.text).not.toContain('"d"');
  });

  it("are fetched by sidecars where a service of the mesh has them", () => {
    const url = "http://keys.auth.svc.cluster.local:8000/jwks.json";
    expect(keysOf(`{ issuer: "https://one", jwksUri: "${url}", timeout: 2s }`)).toEqual({
      kind: "remote",
      uri: url,
      cluster: "outbound|8000||keys.auth.svc.cluster.local",
      timeoutMs: 2000,
      cacheDurationMs: 300_000,
      asyncFetch: undefined,
      retry: undefined,
    });
  });

  it("are not asked of a service over TLS by the sidecars", () => {
    const url = "https://keys.auth.svc.cluster.local:8000/jwks.json";
    expect(keysOf(`{ issuer: "https://one", jwksUri: "${url}" }`)).toMatchObject({
      kind: "inline",
    });
  });
});
