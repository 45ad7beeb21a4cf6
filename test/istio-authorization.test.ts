import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { accessRbacs, customRbacs } from "../src/control/snapshot/policy/access/access-rbacs.ts";
import { SOMEBODY } from "../src/control/snapshot/policy/access/identities.ts";
import { policiesAt } from "../src/control/snapshot/policy/access/scope.ts";
import { translate } from "../src/control/translate.ts";
import { RBACSchema } from "../src/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { Permission, Principal, Rbac } from "../src/model/filter/rbac.ts";
import type { Mesh, MeshSettings, Pod } from "../src/model/mesh.ts";
import type { AccessPolicy } from "../src/model/policy/access-policy.ts";
import { type DescribedRequest, decideRbac } from "../src/proxy/filters/rbac/decide.ts";
import { formatProblem, Place, type Problem } from "../src/xds/check/place.ts";
import { decodeHttpRbac } from "../src/xds/filter/rbac/http-rbac.ts";
import { REGISTRY } from "../src/xds/message/any.ts";
import { requestsOf } from "./support/policy-requests.ts";

/** What istiod makes of policies, which is not part of this repository. */
const HERE = fileURLToPath(new URL("../../shared/corpus", import.meta.url));
const CORPUS = `${process.env.OUTRIGGER_CORPUS ?? HERE}/istio/authz`;
const present = existsSync(CORPUS);
if (!present) console.warn(`\nNOT RUN: Istio's corpus is not at ${CORPUS} (OUTRIGGER_CORPUS)\n`);

interface Case {
  readonly from: string;
  readonly outs: readonly string[];
  readonly settings?: Partial<MeshSettings>;
}

const ALIASES = { trustDomain: "td1", trustDomainAliases: ["cluster.local"] };
const MANY_ALIASES = { trustDomain: "td1", trustDomainAliases: ["cluster.local", "some-td"] };

/** Policies, and the filters that istiod makes of them; with its tests' trust domains. */
const CASES: readonly Case[] = [
  ...same("http/allow-host-before-111"),
  ...same("http/allow-nil-rule"),
  ...same("http/deny-empty-rule"),
  ...same("http/dry-run-allow"),
  ...same("http/dry-run-mix"),
  ...same("http/multiple-policies"),
  ...same("http/single-policy"),
  ...same("http/trust-domains"),
  ...same("http/simple-policy-td-aliases", ALIASES),
  ...same("http/simple-policy-multiple-td-aliases", MANY_ALIASES),
  ...same("http/simple-policy-principal-with-wildcard", {
    trustDomain: "td1",
    trustDomainAliases: ["foobar"],
  }),
  ...same("http/td-aliases-source-principal", {
    trustDomain: "new-td",
    trustDomainAliases: ["old-td", "some-trustdomain"],
  }),
  { from: "http/deny-and-allow", outs: ["http/deny-and-allow-out1", "http/deny-and-allow-out2"] },
  {
    from: "http/deny-and-allow",
    outs: ["http/extended-deny-and-allow-out1", "http/extended-deny-and-allow-out2"],
  },
  { from: "http/dry-run-mix", outs: ["http/extended-dry-run-mix-out"] },
  { from: "http/multiple-policies", outs: ["http/extended-multiple-policies-out"] },
  { from: "http/single-policy", outs: ["http/extended-single-policy-out"] },
  { from: "http/trust-domains", outs: ["http/extended-trust-domains-out"] },
  {
    from: "http/simple-policy-td-aliases",
    outs: ["http/extended-simple-policy-td-aliases-out"],
    settings: ALIASES,
  },
  {
    from: "http/simple-policy-multiple-td-aliases",
    outs: ["http/extended-simple-policy-multiple-td-aliases-out"],
    settings: MANY_ALIASES,
  },
  { from: "tcp/custom-only-http", outs: ["http/custom-bad-out"] },
  ...same("tcp/audit-both-http-tcp"),
  ...same("tcp/deny-both-http-tcp"),
  ...same("tcp/dry-run-mix"),
];

function same(name: string, settings: Partial<MeshSettings> = {}): readonly Case[] {
  return [{ from: name, outs: [`${name}-out`], settings }];
}

/** Files that no case reads, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "http/custom-grpc-provider-out1": "compared below: what an authorizer would be asked about",
  "http/custom-grpc-provider-no-namespace-out1": "likewise",
  "http/extended-custom-grpc-provider-no-namespace-out1": "likewise",
  "http/extended-custom-http-provider-out1": "likewise",
  "tcp/custom-both-http-tcp-out1": "likewise",
  "http/custom-bad-multiple-providers-out1": "compared below: one filter a provider",
  "http/custom-bad-multiple-providers-out2": "likewise",
  "http/extended-custom-bad-multiple-providers-out1": "likewise",
  "http/extended-custom-bad-multiple-providers-out2": "likewise",
  "http/custom-grpc-provider-out2": "ext_authz, not RBAC",
  "http/custom-grpc-provider-no-namespace-out2": "ext_authz, not RBAC",
  "http/extended-custom-grpc-provider-no-namespace-out2": "ext_authz, not RBAC",
  "http/extended-custom-http-provider-out2": "ext_authz, not RBAC",
  "tcp/custom-both-http-tcp-out2": "ext_authz, not RBAC",
  "http/extended-allow-empty-rule-out": "the policy that it was made from is not in the corpus",
  "http/extended-allow-full-rule-out": "the policy that it was made from is not in the corpus",
};

const POD: Pod = {
  name: "httpbin",
  namespace: "foo",
  address: "10.44.0.2",
  labels: { app: "httpbin", version: "v1" },
  annotations: {},
  serviceAccount: "httpbin",
  workload: "httpbin",
  containers: [],
  ready: true,
  appSockets: undefined,
};

function read(file: string): string {
  return readFileSync(`${CORPUS}/${file}.yaml`, "utf8");
}

function carriageOf({ outs }: Case): "http" | "tcp" {
  return outs[0]?.startsWith("tcp/") ? "tcp" : "http";
}

interface Ours {
  readonly policies: readonly AccessPolicy[];
  readonly rbacs: readonly Rbac[];
}

function ours({ from, settings }: Case, carriage: "http" | "tcp"): Ours {
  const mesh: Mesh = translate([{ file: `${from}-in.yaml`, text: read(`${from}-in`) }], settings);
  expect(mesh.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const policies = policiesAt(mesh, POD, undefined);
  const rbacs = [
    ...customRbacs(policies, mesh.settings, carriage),
    ...accessRbacs(policies, mesh.settings, carriage),
  ];
  return { policies, rbacs };
}

/** The network filter's rules are the HTTP filter's. */
function theirs(file: string): Rbac {
  const { typedConfig } = parse(read(file)) as { typedConfig: JsonObject };
  const { "@type": _type, statPrefix: _prefix, ...json } = typedConfig;
  const problems: Problem[] = [];
  const message = fromJson(RBACSchema, json, { registry: REGISTRY });
  const rbac = decodeHttpRbac(message, new Place(problems));
  expect(problems.map(formatProblem)).toEqual([]);
  return rbac;
}

/** What each filter says: by which rule, and whether it goes on. */
function decisions(rbacs: readonly Rbac[], request: DescribedRequest) {
  return rbacs.map((rbac) => decideRbac(rbac, request));
}

describe.skipIf(!present)("policies decide as istiod's filters do", () => {
  it.each(CASES)("$from: $outs", (one) => {
    const carriage = carriageOf(one);
    const { policies, rbacs } = ours(one, carriage);
    const expected = one.outs.map(theirs);
    const asked = requestsOf(policies).map((request) =>
      carriage === "tcp" ? onTcp(request) : request,
    );
    expect(rbacs.length).toBe(expected.length);
    const differing = asked.flatMap((request) => {
      const [own, other] = [decisions(rbacs, request), decisions(expected, request)];
      return JSON.stringify(own) === JSON.stringify(other) ? [] : [{ request, own, other }];
    });
    expect(differing).toEqual([]);
    // A table that nothing matches would compare nothing.
    const rules = policies.flatMap(({ rules }) => rules).length;
    if (rules > 0 && !NEVER.includes(one.from)) {
      expect(asked.some((request) => decisions(rbacs, request).some(matched))).toBe(true);
    }
  });
});

/** Rules that no request can match: they want what they exclude. Their parts are compared. */
const NEVER: readonly string[] = ["http/allow-host-before-111", "tcp/audit-both-http-tcp"];

function matched({ enforced, shadow }: ReturnType<typeof decideRbac>): boolean {
  return enforced?.policy !== undefined || shadow?.policy !== undefined;
}

function onTcp({ method: _m, path: _p, host: _h, headers: _hs, ...connection }: DescribedRequest) {
  return connection;
}

type Term = Permission | Principal;

/** The fields that a rule asks for, one after the other. */
function partsOf(term: Term): readonly Term[] {
  if (term.kind !== "and") return [term];
  const isAdded = (part: Term): boolean => JSON.stringify(part) === JSON.stringify(SOMEBODY);
  // Ours: who is let in for not being somebody has to be somebody.
  return term.of.filter((part) => !isAdded(part)).flatMap(partsOf);
}

function alone(part: Term, asks: "permissions" | "principals"): Rbac {
  const any = [{ kind: "any" } as const];
  const policy = { name: "part", permissions: any, principals: any, [asks]: [part] };
  return { ...EMPTY, rules: { action: "deny", policies: [policy] } };
}

const EMPTY: Rbac = {
  rules: undefined,
  shadowRules: undefined,
  rulesStatPrefix: "",
  shadowRulesStatPrefix: "",
  trackPerRuleStats: false,
};

function partsOfAll(rbacs: readonly Rbac[]): readonly Rbac[] {
  const policies = rbacs.flatMap(({ rules, shadowRules }) => [
    ...(rules?.policies ?? []),
    ...(shadowRules?.policies ?? []),
  ]);
  return policies.flatMap(({ permissions, principals }) => [
    ...permissions.flatMap(partsOf).map((part) => alone(part, "permissions")),
    ...principals.flatMap(partsOf).map((part) => alone(part, "principals")),
  ]);
}

describe.skipIf(!present)("each part of a rule decides as istiod's", () => {
  it.each(CASES)("$from: $outs", (one) => {
    const { policies, rbacs } = ours(one, carriageOf(one));
    const own = partsOfAll(rbacs);
    const other = partsOfAll(one.outs.map(theirs));
    expect(own.length).toBe(other.length);
    for (const request of requestsOf(policies).slice(0, PARTED_MAX)) {
      expect(decisions(own, request)).toEqual(decisions(other, request));
    }
  });
});

/** A rule of fifty fields has thousands of neighbours, each asked fifty times. */
const PARTED_MAX = 400;

describe.skipIf(!present)(
  "what an authorizer would be asked about is denied as long as none is",
  () => {
    it.each([
      { from: "tcp/custom-only-http", outs: ["http/custom-grpc-provider-out1"] },
      { from: "tcp/custom-only-http", outs: ["http/custom-grpc-provider-no-namespace-out1"] },
      {
        from: "tcp/custom-only-http",
        outs: ["http/extended-custom-grpc-provider-no-namespace-out1"],
      },
      { from: "tcp/custom-only-http", outs: ["http/extended-custom-http-provider-out1"] },
      { from: "tcp/custom-both-http-tcp", outs: ["tcp/custom-both-http-tcp-out1"] },
      {
        from: "http/custom-bad-multiple-providers",
        outs: [
          "http/custom-bad-multiple-providers-out1",
          "http/custom-bad-multiple-providers-out2",
        ],
      },
      {
        from: "http/custom-bad-multiple-providers",
        outs: [
          "http/extended-custom-bad-multiple-providers-out1",
          "http/extended-custom-bad-multiple-providers-out2",
        ],
      },
    ])("$from: $outs", (one: Case) => {
      const { policies, rbacs } = ours(one, carriageOf(one));
      const expected = one.outs.map(theirs);
      for (const request of requestsOf(policies)) {
        const denied = decisions(rbacs, request).some(
          ({ enforced }) => enforced?.allowed === false,
        );
        expect(denied).toBe(decisions(expected, request).some(matched));
      }
    });
  },
);

describe.skipIf(!present)("the corpus", () => {
  it("is compared whole, or it says why not", () => {
    const files = ["http", "tcp"].flatMap((folder) =>
      readdirSync(`${CORPUS}/${folder}`)
        .filter((file) => !file.endsWith("-in.yaml"))
        .map((file) => `${folder}/${file.replace(".yaml", "")}`),
    );
    const known = new Set([...CASES.flatMap(({ outs }) => outs), ...Object.keys(LEFT_OUT)]);
    expect(files.filter((file) => !known.has(file))).toEqual([]);
    expect(files.length).toBeGreaterThan(30);
  });
});
