import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import { readObjects } from "../kubernetes/read.ts";
import { AUTHORIZATION_POLICY } from "./fields/authorization-policy.ts";
import { WORKLOAD_ENTRY } from "./fields/common.ts";
import { DESTINATION_RULE } from "./fields/destination-rule.ts";
import type { FieldTable, Shape } from "./fields/field.ts";
import { PEER_AUTHENTICATION } from "./fields/peer-authentication.ts";
import { REQUEST_AUTHENTICATION } from "./fields/request-authentication.ts";
import { SERVICE_ENTRY } from "./fields/service-entry.ts";
import { SIDECAR } from "./fields/sidecar.ts";
import { VIRTUAL_SERVICE } from "./fields/virtual-service.ts";
import { istio } from "./istio.ts";

const SECURITY_KINDS: readonly string[] = [
  "PeerAuthentication",
  "AuthorizationPolicy",
  "RequestAuthentication",
];

function translate(text: string) {
  const { objects } = readObjects([{ file: "a.yaml", text }]);
  return istio.translate(objects, { settings: DEFAULT_SETTINGS, services: [] });
}

describe("the dialect", () => {
  it.each([
    ["networking.istio.io/v1", "VirtualService", true],
    ["security.istio.io/v1beta1", "PeerAuthentication", true],
    ["apps/v1", "Deployment", false],
    ["v1", "ConfigMap", false],
    ["gateway.networking.k8s.io/v1", "HTTPRoute", false],
  ])("speaks of %s %s: %s", (apiVersion, kind, speaks) => {
    const text = stringify({ apiVersion, kind, metadata: { name: "a" } });
    const [object] = readObjects([{ file: "a.yaml", text }]).objects;
    expect(object !== undefined && istio.speaks(object)).toBe(speaks);
  });

  it.each(["reviews.shop", "reviews"])("asks whether %s is the service that was meant", (host) => {
    const spec = { hosts: [host], http: [{ route: [{ destination: { host: "a.com" } }] }] };
    const apiVersion = "networking.istio.io/v1";
    const text = [
      stringify({ apiVersion, kind: "VirtualService", metadata: { name: "a" }, spec }),
      stringify({ apiVersion, kind: "DestinationRule", metadata: { name: "a" }, spec: { host } }),
      stringify({
        apiVersion,
        kind: "ServiceEntry",
        metadata: { name: "reviews" },
        spec: {
          hosts: ["reviews.shop.svc.cluster.local"],
          ports: [{ number: 80, name: "http", protocol: "HTTP" }],
          resolution: "DNS",
        },
      }),
    ].join("---\n");
    const { diagnostics } = translate(text);
    const hint = "did you mean `reviews.shop.svc.cluster.local`?";
    const of = (wanted: string) => diagnostics.find(({ code }) => code === wanted);
    expect(of("OUT0305")).toMatchObject({ severity: "warning", path: "spec.hosts[0]", hint });
    expect(of("IST0174")).toMatchObject({ severity: "warning", path: "spec.host", hint });
  });

  const IDLE = "This rule holds for no connection: ";
  it.each([
    ["nobody.example", 0, 'No service has the host "nobody.example", so these rules hold for no'],
    ["web.example", 80, `${IDLE}port 80 carries http`],
    ["web.example", 99, `${IDLE}web.example has no port 99`],
    ["web.example", 90, undefined],
    ["web.example", 0, undefined],
  ])("says where a rule for connections to %s port %i holds for none", (host, port, message) => {
    const route = [{ destination: { host: "web.example", port: { number: 90 } } }];
    const ports = [
      { number: 80, name: "http", protocol: "HTTP" },
      { number: 90, name: "raw", protocol: "TCP" },
    ];
    const entry = { hosts: ["web.example"], addresses: ["10.1.1.1"], ports, resolution: "DNS" };
    const tcp = [port === 0 ? { route } : { match: [{ port }], route }];
    const objects = [
      { kind: "ServiceEntry", spec: entry },
      { kind: "VirtualService", spec: { hosts: [host], tcp } },
    ].map((each) =>
      stringify({ apiVersion: "networking.istio.io/v1", metadata: { name: "a" }, ...each }),
    );
    const { diagnostics } = translate(objects.join("---\n"));
    const findings = diagnostics.filter(({ code }) => /OUT030[57]/.test(code));
    const expected = { severity: "warning", message: expect.stringContaining(message ?? "") };
    expect(findings).toMatchObject(message === undefined ? [] : [expected]);
  });

  it.each([
    [
      "http",
      "http",
      [/^this one holds: the oldest/, /b.*a.yaml:1\) holds, and this one does nothing/],
    ],
    ["http", "tcp", [/^this one holds for requests$/, /^this one holds for connections$/]],
    ["http", "http tcp", [/^this one holds: the oldest/, /a.yaml:1\) holds for requests$/]],
    [
      "http tcp",
      "http tcp",
      [/^this one holds/, /for requests; .*a.yaml:1\) holds for connections$/],
    ],
  ])("says which of %s and %s of one host holds", (one, other, hints) => {
    const rules = [{ route: [{ destination: { host: "web" } }] }];
    const objects = [one, other].map((kinds, index) => {
      const spec = Object.fromEntries(kinds.split(" ").map((kind) => [kind, rules]));
      const apiVersion = "networking.istio.io/v1";
      const metadata = { name: `${index}-b` };
      return stringify({
        apiVersion,
        kind: "VirtualService",
        metadata,
        spec: { hosts: ["web"], ...spec },
      });
    });
    const { diagnostics } = translate(objects.join("---\n"));
    const found = diagnostics.filter(({ code }) => code === "IST0109").map(({ hint }) => hint);
    expect(found).toEqual(hints.map((hint) => expect.stringMatching(hint)));
  });

  it("takes the three versions of the networking API for one", () => {
    const routes = ["v1", "v1beta1", "v1alpha3"].map((version) => {
      const spec = { hosts: ["a"], http: [{ route: [{ destination: { host: "a" } }] }] };
      const apiVersion = `networking.istio.io/${version}`;
      const object = { apiVersion, kind: "VirtualService", metadata: { name: "a" }, spec };
      return translate(stringify(object)).routes[0]?.hosts;
    });
    expect(routes).toEqual(Array(3).fill(["a.default.svc.cluster.local"]));
  });
});

/** Now and then something that does not belong there. */
const JUNK = fc.constantFrom<unknown>(null, 0, -1, "", "*", [], {}, [null], { x: 1 }, true, "0s");

function anyOf(shape: Shape): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 6, arbitrary: rightOf(shape) }, { weight: 1, arbitrary: JUNK });
}

function rightOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.type) {
    case "list":
      return fc.array(anyOf(shape.item), { maxLength: 2 });
    case "map":
      return fc.dictionary(fc.constantFrom("a", "x-b", "", ":authority"), anyOf(shape.value), {
        maxKeys: 2,
      });
    case "enum":
      return fc.constantFrom(...shape.values);
    case "object":
      return objectOf(shape.fields);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.constantFrom(0, 1, 80, 301, 100_000, 0.5);
    case "duration":
      return fc.constantFrom("1s", "0s", "250ms", "soon");
    default:
      return fc.constantFrom("a", "a.b", "*", "", "mesh", ".", "~", "unix:///a", "5xx,503", "(");
  }
}

function objectOf(table: FieldTable): fc.Arbitrary<unknown> {
  const fields = Object.entries(table).map(([name, { shape }]) => [name, anyOf(shape)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
}

describe("whatever is written", () => {
  it.each([
    ["VirtualService", VIRTUAL_SERVICE],
    ["DestinationRule", DESTINATION_RULE],
    ["ServiceEntry", SERVICE_ENTRY],
    ["WorkloadEntry", WORKLOAD_ENTRY],
    ["Sidecar", SIDECAR],
    ["PeerAuthentication", PEER_AUTHENTICATION],
    ["AuthorizationPolicy", AUTHORIZATION_POLICY],
    ["RequestAuthentication", REQUEST_AUTHENTICATION],
  ] as const)("in a %s, reading never throws, and each finding has a place", (kind, table) => {
    const property = fc.property(anyOf({ type: "object", name: "", fields: table }), (spec) => {
      const group = SECURITY_KINDS.includes(kind) ? "security" : "networking";
      const apiVersion = `${group}.istio.io/v1`;
      const text = stringify({ apiVersion, kind, metadata: { name: "a" }, spec });
      const { diagnostics } = translate(text);
      for (const finding of diagnostics) {
        expect(finding).toMatchObject({
          position: { file: "a.yaml" },
          subject: `${kind} default/a`,
        });
        expect(finding.message).not.toMatch(/undefined|\[object/);
      }
    });
    fc.assert(property, { numRuns: 100, seed: 1 });
  });
});
