import { describe, expect, it } from "vitest";
import type { Permission, Principal, Rbac, RbacAction } from "../../../model/filter/rbac.ts";
import type { HeaderMatch, StringMatch } from "../../../model/route.ts";
import { type DescribedRequest, decideRbac } from "./decide.ts";

const ANY = { kind: "any" } as const;
const ADMIN = "spiffe://cluster.local/ns/default/sa/admin";
const WEB = "spiffe://cluster.local/ns/default/sa/web";

function exact(value: string, ignoreCase = false): StringMatch {
  return { kind: "exact", value, ignoreCase };
}

function text(kind: StringMatch["kind"], value: string): StringMatch {
  return { kind, value, ignoreCase: false };
}

function header(name: string, value?: StringMatch, more: Partial<HeaderMatch> = {}): Permission {
  return {
    kind: "header",
    match: { name, value, invert: false, missingAsEmpty: false, ...more },
  };
}

function path(match: StringMatch): Permission {
  return { kind: "urlPath", match };
}

function named(match: StringMatch | undefined): Principal {
  return { kind: "authenticated", name: match };
}

function not<T extends Permission | Principal>(of: T): { kind: "not"; of: T } {
  return { kind: "not", of };
}

function rbac(action: RbacAction, permission: Permission, principal: Principal = ANY): Rbac {
  const policy = { name: "one", permissions: [permission], principals: [principal] };
  return {
    rules: { action, policies: [policy] },
    shadowRules: undefined,
    rulesStatPrefix: "",
    shadowRulesStatPrefix: "",
    trackPerRuleStats: false,
  };
}

function ask(rules: Rbac, request: DescribedRequest = {}): boolean | undefined {
  return decideRbac(rules, { method: "GET", path: "/", host: "a", ...request }).enforced?.allowed;
}

/** Whether a policy with this permission matches: on the side that allows, and that denies. */
function sides(permission: Permission, request: DescribedRequest): string {
  const allows = ask(rbac("allow", permission), request) === true;
  const denies = ask(rbac("deny", permission), request) === false;
  return `${allows ? "allows" : "allows not"}, ${denies ? "denies" : "denies not"}`;
}

const BOTH = "allows, denies";
const NEITHER = "allows not, denies not";
const DENIES_ALONE = "allows not, denies";

describe("an RBAC decision", () => {
  it("names the first policy that matches, in the order of the names", () => {
    const policy = { permissions: [ANY], principals: [ANY] };
    const policies = ["z", "b", "ä", "B"].map((name) => ({ ...policy, name }));
    const rules = { ...rbac("deny", ANY), rules: { action: "deny" as const, policies } };
    expect(decideRbac(rules, {}).enforced).toEqual({ allowed: false, policy: "B" });
  });

  it("denies all where no policy allows, and allows all where none denies", () => {
    const none = (action: RbacAction): Rbac => ({
      ...rbac(action, ANY),
      rules: { action, policies: [] },
    });
    expect(decideRbac(none("allow"), {}).enforced).toEqual({ allowed: false, policy: undefined });
    expect(decideRbac(none("deny"), {}).enforced).toEqual({ allowed: true, policy: undefined });
    expect(decideRbac(none("log"), {}).enforced).toEqual({ allowed: true, policy: undefined });
  });

  it("has no verdict without rules, and judges the shadow's apart", () => {
    const rules = { ...rbac("deny", ANY), rules: undefined, shadowRules: rbac("deny", ANY).rules };
    expect(decideRbac(rules, {})).toEqual({
      enforced: undefined,
      shadow: { allowed: false, policy: "one" },
    });
  });

  it.each<[string, DescribedRequest, string]>([
    ["one field", { headers: [["x-role", "admin"]] }, BOTH],
    [
      "one of two fields",
      {
        headers: [
          ["x-role", "user"],
          ["X-Role", "admin"],
        ],
      },
      DENIES_ALONE,
    ],
    [
      "two equal fields",
      {
        headers: [
          ["x-role", "admin"],
          ["x-role", "admin"],
        ],
      },
      BOTH,
    ],
    ["an element of a list", { headers: [["x-role", "user, admin"]] }, DENIES_ALONE],
    ["blanks around it", { headers: [["x-role", " admin\t"]] }, DENIES_ALONE],
    ["another value", { headers: [["x-role", "administrator"]] }, NEITHER],
    ["another case", { headers: [["x-role", "ADMIN"]] }, NEITHER],
    ["no such field", {}, NEITHER],
  ])("by a header that has %s: %s", (_, request, expected) => {
    expect(sides(header("x-role", exact("admin")), request)).toBe(expected);
  });

  it("does not split what an allowed value says", () => {
    const agent = header("user-agent", text("prefix", "Mozilla/"));
    const headers = [["user-agent", "Mozilla/5.0 (KHTML, like Gecko)"]] as const;
    expect(sides(agent, { headers })).toBe(BOTH);
  });

  it("matches no inverted value that is missing, as Envoy", () => {
    const unlessAdmin = header("x-role", exact("admin"), { invert: true });
    expect(sides(unlessAdmin, {})).toBe(NEITHER);
    expect(sides(unlessAdmin, { headers: [["x-role", "user"]] })).toBe(BOTH);
    const mixed = {
      headers: [
        ["x-role", "admin"],
        ["x-role", "user"],
      ] as const,
    };
    expect(sides(unlessAdmin, mixed)).toBe(DENIES_ALONE);
    const asEmpty = header("x-role", exact("admin"), { invert: true, missingAsEmpty: true });
    expect(sides(asEmpty, {})).toBe(BOTH);
    expect(sides(header("x-role", undefined, { invert: true }), {})).toBe(BOTH);
  });

  it("compares what is no ASCII as the bytes that it is", () => {
    expect(sides(header("x", exact("café")), { headers: [["x", "café"]] })).toBe(BOTH);
    const four = header("x", text("regex", "caf."));
    expect(sides(four, { headers: [["x", "café"]] })).toBe(DENIES_ALONE);
    const umlaut = header("x", { kind: "exact", value: "CAFé", ignoreCase: true });
    expect(sides(umlaut, { headers: [["x", "café"]] })).toBe(BOTH);
    expect(sides(umlaut, { headers: [["x", "cafÉ"]] })).toBe(NEITHER);
  });

  it.each([
    ["/admin", BOTH],
    ["/admin?x=1", BOTH],
    ["/admin#x", BOTH],
    ["/admin;x", DENIES_ALONE],
    ["/;y/admin", DENIES_ALONE],
    ["/public/..;/admin", DENIES_ALONE],
    ["/public/%2e%2e;/admin", DENIES_ALONE],
    ["//admin", DENIES_ALONE],
    ["/%2fadmin", DENIES_ALONE],
    ["/x%5c..%2Fadmin", DENIES_ALONE],
    ["/%61dmin", DENIES_ALONE],
    ["/admin%00", DENIES_ALONE],
    ["/;%2F..%2Fadmin", DENIES_ALONE],
    ["/x;a%2f..%5Cadmin", DENIES_ALONE],
    ["/admin%3bx", DENIES_ALONE],
    ["/public/..%3B/admin", DENIES_ALONE],
    ["/%252e%252e/admin", NEITHER],
    ["/Admin", NEITHER],
    ["/admin/", NEITHER],
    ["", NEITHER],
  ])("reads the path %s both ways: %s", (asked, expected) => {
    expect(sides(path(exact("/admin")), { path: asked })).toBe(expected);
    const template = { kind: "uriTemplate", template: "/{x=admin}" } as const;
    expect(sides(template, { path: asked })).toBe(expected);
    expect(sides(header(":path", exact("/admin")), { path: asked })).toBe(
      asked.includes("?") || asked.includes("#") ? NEITHER : expected,
    );
  });

  it("lets nobody climb out of a folder behind a parameter", () => {
    for (const asked of ["/public/;%2f..%2f..%2fadmin", "/public/..%3b/admin"]) {
      expect(sides(path(text("prefix", "/public/")), { path: asked })).toBe(DENIES_ALONE);
    }
    expect(sides(path(text("prefix", "/public/")), { path: "/public/a;v=1" })).toBe(BOTH);
  });

  it("lets nobody climb out of what its author wrote oddly", () => {
    const written = [
      text("prefix", "/a;b"),
      text("prefix", "/a%20b/"),
      text("regex", "/[a-z%0-9;]+/.*"),
    ];
    const climbing = [
      "/a;b/..;/admin",
      "/a%20b/..%2fadmin",
      "/a;b/%2e%2E%3b/admin",
      "/a;b/x/..%5c",
    ];
    for (const match of written) {
      for (const asked of climbing)
        expect(ask(rbac("allow", path(match)), { path: asked })).toBe(false);
    }
    expect(sides(path(text("prefix", "/a;b")), { path: "/a;b/..x/c..;d" })).toBe(BOTH);
    expect(sides(path(text("regex", "/[a-z%0-9]+/.*")), { path: "/a%20b/c%2Fd" })).toBe(BOTH);
  });

  it("denies a path whose characters are escaped, and lets nobody in by that", () => {
    expect(sides(path(exact("/@admin")), { path: "/%40admin" })).toBe(DENIES_ALONE);
    expect(sides(path(text("prefix", "/ädm")), { path: "/%c3%A4dmin" })).toBe(DENIES_ALONE);
    expect(sides(path(exact("/%C3%A4")), { path: "/%c3%a4" })).toBe(DENIES_ALONE);
    expect(sides(path(exact("/@admin")), { path: "/%2540admin" })).toBe(NEITHER);
    expect(sides(path(exact("/a%2540")), { path: "/a%2540" })).toBe(BOTH);
  });

  it("lets in by a path that its author wrote so", () => {
    expect(sides(path(exact("/a%2Fb")), { path: "/a%2Fb" })).toBe(BOTH);
    expect(sides(path(text("prefix", "/a//")), { path: "/a//b" })).toBe(BOTH);
    expect(sides(path(text("prefix", "/files/")), { path: "/files/a%2Fb" })).toBe(BOTH);
    expect(sides(path(text("suffix", ".css")), { path: "/admin;x.css" })).toBe(DENIES_ALONE);
  });

  it("knows a host in other case, with its port and with its dot", () => {
    const host = header(":authority", exact("Admin.svc"));
    for (const one of ["admin.svc", "ADMIN.svc:80", "admin.svc.", "Admin.svc.:8080"]) {
      expect(sides(host, { host: one }), one).toBe(DENIES_ALONE);
    }
    expect(sides(header("host", exact("admin.svc")), { host: "admin.svc" })).toBe(BOTH);
    expect(sides(host, { host: "admin.svc.evil" })).toBe(NEITHER);
    expect(ask(rbac("allow", not(host)), { host: "admin.svc:80" })).toBe(false);
    expect(ask(rbac("allow", not(host)), { host: "other" })).toBe(true);
  });

  it("sees the method that the request has", () => {
    const get = header(":method", exact("GET"));
    const overridden = { method: "HEAD", headers: [["x-http-method-override", "GET"]] as const };
    expect(sides(get, overridden)).toBe(NEITHER);
    expect(sides(get, { method: "GET" })).toBe(BOTH);
  });

  it("compares identities letter by letter", () => {
    const who = (match: StringMatch, principal: string) =>
      ask(rbac("allow", ANY, named(match)), { principal });
    expect(who(exact("spiffe://a/sa/cert-manager.io"), "spiffe://a/sa/cert-managerXio")).toBe(
      false,
    );
    expect(who(text("suffix", "/sa/a+b"), "spiffe://a/sa/aab")).toBe(false);
    expect(who(text("suffix", "/sa/a+b"), "spiffe://a/sa/a+b")).toBe(true);
    expect(who(text("prefix", "spiffe://a/"), "spiffe://aa/")).toBe(false);
    expect(who(exact(ADMIN), ADMIN)).toBe(true);
    expect(who(exact(ADMIN), ADMIN.toUpperCase())).toBe(false);
  });

  it("fails closed for a client without certificate", () => {
    const principals = (action: RbacAction, principal: Principal) =>
      ask(rbac(action, ANY, principal));
    expect(principals("allow", named(exact(ADMIN)))).toBe(false);
    expect(principals("allow", named(undefined))).toBe(false);
    expect(principals("allow", named(text("prefix", "")))).toBe(false);
    expect(principals("allow", not(named(exact(ADMIN))))).toBe(false);
    expect(principals("deny", not(named(exact(ADMIN))))).toBe(false);
    expect(principals("deny", named(exact(ADMIN)))).toBe(true);
    // Who asks for no certificate at all is asked for exactly that.
    expect(principals("allow", not(named(undefined)))).toBe(true);
    expect(principals("allow", not(named(text("regex", ".+"))))).toBe(true);
    expect(ask(rbac("allow", ANY, not(named(exact(ADMIN)))), { principal: WEB })).toBe(true);
  });

  it("fails closed for addresses, ports and names that are not known", () => {
    const range = { address: "10.0.0.0", prefixLength: 8 };
    const unknown: (Permission | Principal)[] = [
      { kind: "destinationIp", range },
      { kind: "destinationPort", port: 80 },
      { kind: "destinationPortRange", start: 1, end: 9 },
      { kind: "requestedServerName", match: exact("a") },
    ];
    for (const one of unknown as Permission[]) {
      expect(sides(one, {}), one.kind).toBe(NEITHER);
      expect(sides(not(one), {}), one.kind).toBe(DENIES_ALONE);
    }
  });

  it.each<[Principal["kind"] & ("directRemoteIp" | "remoteIp" | "sourceIp"), string]>([
    ["directRemoteIp", "10.1.2.3"],
    ["sourceIp", "10.1.2.3"],
    ["remoteIp", "172.16.0.1"],
  ])("asks %s for its own address", (kind, address) => {
    const request = { sourceIp: "10.1.2.3", remoteIp: "172.16.0.1" };
    const of = (prefixLength: number, asked: string) =>
      ask(rbac("allow", ANY, { kind, range: { address: asked, prefixLength } }), request);
    expect(of(32, address)).toBe(true);
    expect(of(8, address)).toBe(true);
    expect(of(32, "10.1.2.4")).toBe(false);
    expect(of(0, "::")).toBe(false);
  });

  it("asks where a connection goes to", () => {
    const request = { destinationIp: "fd00::1", destinationPort: 8080, serverName: "a.svc" };
    expect(
      sides({ kind: "destinationIp", range: { address: "fd00::", prefixLength: 16 } }, request),
    ).toBe(BOTH);
    expect(sides({ kind: "destinationPort", port: 8080 }, request)).toBe(BOTH);
    expect(sides({ kind: "destinationPort", port: 808 }, request)).toBe(NEITHER);
    expect(sides({ kind: "destinationPortRange", start: 8000, end: 8080 }, request)).toBe(NEITHER);
    expect(sides({ kind: "destinationPortRange", start: 8080, end: 8081 }, request)).toBe(BOTH);
    expect(sides({ kind: "requestedServerName", match: text("suffix", ".svc") }, request)).toBe(
      BOTH,
    );
  });

  it("asks what other filters have said", () => {
    const claims = { payload: { iss: "me", groups: ["a", "b"], admin: true, n: 3 } };
    const request = { metadata: { "envoy.filters.http.jwt_authn": claims } };
    const claim = (
      key: string,
      value: Extract<Permission, { kind: "metadata" }>["match"]["value"],
    ) =>
      sides(
        {
          kind: "metadata",
          match: {
            filter: "envoy.filters.http.jwt_authn",
            path: ["payload", key],
            value,
            invert: false,
          },
        },
        request,
      );
    expect(claim("iss", { kind: "string", match: exact("me") })).toBe(BOTH);
    expect(claim("groups", { kind: "list", oneOf: { kind: "string", match: exact("b") } })).toBe(
      BOTH,
    );
    expect(claim("admin", { kind: "bool", value: true })).toBe(BOTH);
    expect(claim("n", { kind: "range", start: 3, end: 4 })).toBe(BOTH);
    expect(claim("none", { kind: "present", present: true })).toBe(NEITHER);
    expect(claim("constructor", { kind: "present", present: true })).toBe(NEITHER);
  });
});
