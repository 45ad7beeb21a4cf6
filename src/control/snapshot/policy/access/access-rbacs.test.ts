import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { meshOf } from "../../../../../test/support/mesh.ts";
import type { Permission, Principal, Rbac } from "../../../../model/filter/rbac.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../../../../model/mesh.ts";
import { type AccessPolicy, ANY_OPERATION } from "../../../../model/policy/access-policy.ts";
import type { StringMatch } from "../../../../model/route.ts";
import { accessRbacs, customRbacs } from "./access-rbacs.ts";

interface Given {
  readonly name?: string;
  readonly action?: string;
  readonly rules?: unknown;
  readonly dryRun?: boolean;
  readonly provider?: string;
}

function policies(...given: readonly Given[]): readonly AccessPolicy[] {
  const documents = given.map(({ name = "p", action = "ALLOW", rules, dryRun, provider }) =>
    stringify({
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: {
        name,
        namespace: "foo",
        annotations: dryRun === undefined ? {} : { "istio.io/dry-run": String(dryRun) },
      },
      spec: { action, rules, ...(provider === undefined ? {} : { provider: { name: provider } }) },
    }),
  );
  const { security, diagnostics } = meshOf(documents.join("---\n"));
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return security.accessPolicies;
}

type Term = Permission | Principal;

/** A term as a line: `(a | b) & !c`. */
function show(term: Term): string {
  switch (term.kind) {
    case "any":
      return "any";
    case "and":
      return `(${term.of.map(show).join(" & ")})`;
    case "or":
      return `(${term.of.map(show).join(" | ")})`;
    case "not":
      return `!${show(term.of)}`;
    case "authenticated":
      return `peer ${text(term.name)}`;
    case "header":
      return `${term.match.name} ${text(term.match.value)}`;
    case "urlPath":
      return `path ${text(term.match)}`;
    case "destinationPort":
      return `port ${term.port}`;
    case "uriTemplate":
      return `path template ${term.template}`;
    default:
      return `${term.kind} ${JSON.stringify("range" in term ? term.range : term)}`;
  }
}

function text(match: StringMatch | undefined): string {
  if (match === undefined) return "there";
  return `${match.kind} ${match.value}${match.ignoreCase ? " in any case" : ""}`;
}

function shown(rbac: Rbac | undefined): Record<string, string> {
  const made = rbac?.rules?.policies ?? rbac?.shadowRules?.policies ?? [];
  return Object.fromEntries(
    made.map(({ name, permissions, principals }) => [
      name,
      `${permissions.map(show).join(" or ")} BY ${principals.map(show).join(" or ")}`,
    ]),
  );
}

function made(
  rule: object,
  options: { action?: string; carriage?: "http" | "tcp"; settings?: Partial<MeshSettings> } = {},
): string | undefined {
  const { action = "ALLOW", carriage = "http", settings } = options;
  const all = { ...DEFAULT_SETTINGS, ...settings };
  const [rbac] = accessRbacs(policies({ action, rules: [rule] }), all, carriage);
  return shown(rbac)["ns[foo]-policy[p]-rule[0]"];
}

describe("what is made of access policies", () => {
  it("is one set of rules an action, what is logged first, then what is denied", () => {
    const some = ["ALLOW", "DENY", "AUDIT"].map((action) => ({
      name: action.toLowerCase(),
      action,
      rules: [{}],
    }));
    const rbacs = accessRbacs(policies(...some), DEFAULT_SETTINGS, "http");
    expect(rbacs.map(({ rules }) => [rules?.action, rules?.policies[0]?.name])).toEqual([
      ["log", "ns[foo]-policy[audit]-rule[0]"],
      ["deny", "ns[foo]-policy[deny]-rule[0]"],
      ["allow", "ns[foo]-policy[allow]-rule[0]"],
    ]);
    expect(rbacs.every(({ trackPerRuleStats }) => trackPerRuleStats)).toBe(true);
  });

  it("is one set a dialect, each of which has to agree", () => {
    const [policy] = policies({ rules: [{}] });
    const others = [policy, policy].map((each, index) => ({
      ...(each as AccessPolicy),
      dialect: index === 0 ? ("smi" as const) : ("linkerd" as const),
    }));
    const rbacs = accessRbacs([...others, policy as AccessPolicy], DEFAULT_SETTINGS, "http");
    expect(rbacs.map(({ rules }) => rules?.action)).toEqual(["allow", "allow", "allow"]);
  });

  it("has its rules in the order of their names, by which the first one is told", () => {
    const many = policies({ rules: Array.from({ length: 11 }, () => ({})) });
    const [rbac] = accessRbacs(many, DEFAULT_SETTINGS, "http");
    const names = rbac?.rules?.policies.map(({ name }) => name) ?? [];
    expect(names.slice(0, 3).map((name) => name.slice(-8))).toEqual([
      "-rule[0]",
      "rule[10]",
      "-rule[1]",
    ]);
  });

  it("lets nothing through where an ALLOW policy has no rules", () => {
    const [rbac] = accessRbacs(policies({}), DEFAULT_SETTINGS, "http");
    expect(shown(rbac)).toEqual({ "ns[foo]-policy[p]-rule[0]": "!any BY !any" });
  });

  it("tries dry runs beside what is enforced, under Istio's names", () => {
    const tried = { rules: [{}], dryRun: true };
    const enforced = { name: "q", rules: [{}], dryRun: false };
    const [both] = accessRbacs(policies(tried, enforced), DEFAULT_SETTINGS, "http");
    expect(both?.rules?.policies.map(({ name }) => name)).toEqual(["ns[foo]-policy[q]-rule[0]"]);
    expect(both?.shadowRulesStatPrefix).toBe("istio_dry_run_allow_");
    const [denial] = accessRbacs(policies({ ...tried, action: "DENY" }), DEFAULT_SETTINGS, "http");
    expect(denial).toMatchObject({
      rules: undefined,
      shadowRules: { action: "deny" },
      shadowRulesStatPrefix: "istio_dry_run_deny_",
    });
  });

  it("denies what a CUSTOM policy would ask about", () => {
    const rules = [{ to: [{ operation: { paths: ["/admin"] } }] }];
    const [rbac] = customRbacs(
      policies({ action: "CUSTOM", provider: "opa", rules }),
      DEFAULT_SETTINGS,
      "http",
    );
    expect(rbac?.rules?.action).toBe("deny");
    expect(shown(rbac)).toEqual({
      "istio-ext-authz-opa-ns[foo]-policy[p]-rule[0]-deny-due-to-bad-CUSTOM-action":
        "path exact /admin BY any",
    });
  });
});

describe("who asks", () => {
  const by = (source: object, action = "ALLOW") => made({ from: [{ source }] }, { action });

  it.each([
    ["a principal", { principals: ["a.b/ns/c/sa/d"] }, "peer exact spiffe://a.b/ns/c/sa/d"],
    ["a principal's start", { principals: ["a.b/ns*"] }, "peer prefix spiffe://a.b/ns"],
    ["a principal's end", { principals: ["*/sa/a+b"] }, "peer regex spiffe://.*/sa/a\\+b"],
    ["anybody with an identity", { principals: ["*"] }, "peer regex .+"],
    ["a namespace", { namespaces: ["a.b"] }, "peer regex .*/ns/a\\.b/.*"],
    ["namespaces that end so", { namespaces: ["*-dev"] }, "peer regex .*/ns/.*-dev/.*"],
    [
      "a service account, whose dots are dots",
      { serviceAccounts: ["cert-manager.io"] },
      "peer regex spiffe://.+/ns/foo/(.+/|)sa/cert-manager\\.io(/.+)?",
    ],
    ["a trust domain", { trustDomains: ["a.b"] }, "peer prefix spiffe://a.b/"],
    ["trust domains", { trustDomains: ["a*"] }, "peer regex spiffe://a[^/]*/.*"],
    [
      "an address",
      { ipBlocks: ["10.0.0.1"] },
      'directRemoteIp {"address":"10.0.0.1","prefixLength":32}',
    ],
    [
      "a client",
      { remoteIpBlocks: ["2001:db8::/32"] },
      'remoteIp {"address":"2001:db8::","prefixLength":32}',
    ],
  ])("is %s", (_, source, expected) => {
    expect(by(source)).toBe(`any BY ${expected}`);
  });

  it("is of the mesh's own trust domain under each of its names", () => {
    const settings = { trustDomain: "new", trustDomainAliases: ["old"] };
    const source = { principals: ["cluster.local/ns/a/sa/b", "other/ns/a/sa/b", "*/ns/a/sa/b"] };
    expect(made({ from: [{ source }] }, { settings })).toBe(
      "any BY (peer exact spiffe://new/ns/a/sa/b | peer exact spiffe://old/ns/a/sa/b | " +
        "peer exact spiffe://other/ns/a/sa/b | peer regex spiffe://.*/ns/a/sa/b)",
    );
  });

  it("must be somebody to be let in for not being somebody", () => {
    expect(by({ notPrincipals: ["a"] })).toBe("any BY (peer regex .+ & !peer exact spiffe://a)");
    expect(by({ notNamespaces: ["a"] }, "DENY")).toBe("any BY !peer regex .*/ns/a/.*");
  });

  it("may be nobody where the rule asks for nobody", () => {
    expect(by({ notPrincipals: ["*"] })).toBe("any BY !peer regex .+");
  });
});

describe("what is asked for", () => {
  const to = (operation: object, action = "ALLOW") => made({ to: [{ operation }] }, { action });

  it.each([
    ["a method", { methods: ["GET"] }, ":method exact GET"],
    ["any method", { methods: ["*"] }, ":method there"],
    ["a path", { paths: ["/a"] }, "path exact /a"],
    [
      "paths",
      { paths: ["/a/*", "*.js", "*"] },
      "(path prefix /a/ | path suffix .js | path regex .+)",
    ],
    ["a template", { paths: ["/{*}/b/{**}"] }, "path template /*/b/**"],
    ["a port but not another", { ports: ["1"], notPorts: ["2"] }, "(port 1 & !port 2)"],
    ["a host, in any case", { hosts: ["a.b"] }, ":authority exact a.b in any case"],
  ])("is %s", (_, operation, expected) => {
    expect(to(operation)).toBe(`${expected} BY any`);
  });

  it("is a host in every spelling where that leads to a refusal", () => {
    const spelt = ":authority regex (?i)a\\.b\\.?(:[0-9]*)?";
    expect(to({ hosts: ["a.b"] }, "DENY")).toBe(`${spelt} BY any`);
    expect(to({ notHosts: ["a.b"] })).toBe(`!${spelt} BY any`);
    expect(to({ notHosts: ["a.b"] }, "DENY")).toBe("!:authority exact a.b in any case BY any");
  });

  it("is SMI's and ServiceProfiles' regular expressions, too", () => {
    const [policy] = policies({ rules: [{}] }) as [AccessPolicy];
    const operation = {
      ...ANY_OPERATION,
      pathRegexes: ["/a/.*"],
      headerRegexes: [{ name: "X-A", regex: "b+" }],
    };
    const rules = policy.rules.map((rule) => ({ ...rule, to: [operation] }));
    const [rbac] = accessRbacs([{ ...policy, dialect: "smi", rules }], DEFAULT_SETTINGS, "http");
    expect(Object.values(shown(rbac))).toEqual(["(path regex /a/.* & x-a regex b+) BY any"]);
  });
});

describe("conditions", () => {
  const when = (key: string, ...values: readonly string[]) => made({ when: [{ key, values }] });

  it.each([
    ["request.headers[X-Role]", "a*", "any BY x-role prefix a"],
    ["source.ip", "10.0.0.0/8", 'any BY directRemoteIp {"address":"10.0.0.0","prefixLength":8}'],
    ["source.serviceAccount", "a", "any BY peer regex spiffe://.+/ns/foo/(.+/|)sa/a(/.+)?"],
    ["destination.ip", "10.1.2.3", 'destinationIp {"address":"10.1.2.3","prefixLength":32} BY any'],
    ["destination.port", "80", "port 80 BY any"],
  ])("%s", (key, value, expected) => expect(when(key, value)).toBe(expected));

  it("ask for claims as text or as one of a list", () => {
    const [rbac] = accessRbacs(
      policies({ rules: [{ when: [{ key: "request.auth.claims[a][b]", values: ["c"] }] }] }),
      DEFAULT_SETTINGS,
      "http",
    );
    const c = { kind: "string", match: { kind: "exact", value: "c", ignoreCase: false } };
    expect(rbac?.rules?.policies[0]?.principals).toEqual([
      {
        kind: "metadata",
        match: {
          filter: "envoy.filters.http.jwt_authn",
          path: ["payload", "a", "b"],
          value: { kind: "or", of: [{ kind: "list", oneOf: c }, c] },
          invert: false,
        },
      },
    ]);
  });

  it("ask for what other filters have found out", () => {
    const [rbac] = accessRbacs(
      policies({
        rules: [{ when: [{ key: "experimental.envoy.filters.a.b[c]", values: ["[d*]"] }] }],
      }),
      DEFAULT_SETTINGS,
      "tcp",
    );
    expect(rbac?.rules?.policies[0]?.permissions).toMatchObject([
      {
        kind: "metadata",
        match: {
          filter: "envoy.filters.a.b",
          path: ["c"],
          value: { kind: "list", oneOf: { match: { kind: "prefix", value: "d" } } },
        },
      },
    ]);
  });
});

describe("a server name", () => {
  it("is in lower case, as clients' are by the time that they are asked about", () => {
    const rule = { when: [{ key: "connection.sni", values: ["Admin.example.com"] }] };
    expect(made(rule, { action: "DENY" })).toContain('"value":"admin.example.com"');
  });
});

describe("on TCP ports", () => {
  const rule = {
    from: [{ source: { namespaces: ["a"], requestPrincipals: ["*"] } }],
    to: [{ operation: { ports: ["1"], methods: ["GET"] } }],
  };

  it("no ALLOW rule matches that asks about requests", () => {
    expect(made(rule, { carriage: "tcp" })).toBeUndefined();
    expect(accessRbacs(policies({ rules: [rule] }), DEFAULT_SETTINGS, "tcp")).toMatchObject([
      { rules: { action: "allow", policies: [] } },
    ]);
  });

  it("a DENY rule denies by what is left of it", () => {
    const left = "port 1 BY peer regex .*/ns/a/.*";
    expect(made(rule, { carriage: "tcp", action: "DENY" })).toBe(left);
    const http = { to: [{ operation: { methods: ["GET"] } }] };
    expect(made(http, { carriage: "tcp", action: "DENY" })).toBe("any BY any");
  });
});
