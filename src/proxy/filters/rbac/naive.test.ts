/** Random rules and requests against an evaluator that is as plain as can be. */
import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { parseIp, sharesPrefix } from "../../../base/ip-address.ts";
import type { Permission, Principal, RbacRules, ValueMatch } from "../../../model/filter/rbac.ts";
import type { CidrRange } from "../../../model/listener.ts";
import type { HeaderMatch, StringMatch } from "../../../model/route.ts";
import type { MetadataFields } from "../dynamic-metadata.ts";
import { type DescribedRequest, decideRbac } from "./decide.ts";

function holds({ ignoreCase, kind, value }: StringMatch, asked: string): boolean {
  const [wanted, text] = ignoreCase ? [value.toLowerCase(), asked.toLowerCase()] : [value, asked];
  if (kind === "regex") return RE2JS.compile(value).testExact(asked);
  if (kind === "exact") return text === wanted;
  if (kind === "prefix") return text.startsWith(wanted);
  return kind === "suffix" ? text.endsWith(wanted) : text.includes(wanted);
}

/** Envoy's way with several fields: one is enough, and an inverted match needs every field. */
function headerHolds({ invert, missingAsEmpty, name, value }: HeaderMatch, of: DescribedRequest) {
  const pseudo: Record<string, string | undefined> = {
    ":method": of.method,
    ":authority": of.host,
    ":path": of.path,
  };
  const values: string[] = name.startsWith(":")
    ? [pseudo[name]].filter((one) => one !== undefined)
    : (of.headers ?? []).filter(([one]) => one === name).map(([, one]) => one);
  if (values.length === 0 && missingAsEmpty) values.push("");
  if (value === undefined) return values.length > 0 !== invert;
  return values.length > 0 && values.some((one) => holds(value, one)) !== invert;
}

function inRange({ address, prefixLength }: CidrRange, ip: string | undefined): boolean {
  const [bytes, prefix] = [parseIp(ip ?? ""), parseIp(address)];
  return bytes !== undefined && prefix !== undefined && sharesPrefix(bytes, prefix, prefixLength);
}

function valueHolds(match: ValueMatch, value: unknown): boolean {
  if (match.kind === "string") return typeof value === "string" && holds(match.match, value);
  if (match.kind === "bool") return value === match.value;
  return match.kind === "present" && match.present && value !== undefined;
}

function pathHolds(match: StringMatch, target: string): boolean {
  return target !== "" && holds(match, target.replace(/[?#].*/, ""));
}

function naive(one: Permission | Principal, of: DescribedRequest): boolean {
  switch (one.kind) {
    case "any":
      return true;
    case "and":
      return one.of.every((part) => naive(part, of));
    case "or":
      return one.of.some((part) => naive(part, of));
    case "not":
      return !naive(one.of, of);
    case "header":
      return headerHolds(one.match, of);
    case "urlPath":
      return pathHolds(one.match, of.path ?? "");
    case "authenticated":
      if (of.principal === undefined) return false;
      return one.name === undefined || holds(one.name, String(of.principal));
    case "directRemoteIp":
    case "sourceIp":
      return inRange(one.range, of.sourceIp);
    case "remoteIp":
      return inRange(one.range, of.remoteIp ?? of.sourceIp);
    case "destinationIp":
      return inRange(one.range, of.destinationIp);
    case "destinationPort":
      return of.destinationPort === one.port;
    case "destinationPortRange": {
      const port = of.destinationPort ?? -1;
      return port >= one.start && port < one.end;
    }
    case "requestedServerName":
      return holds(one.match, of.serverName ?? "");
    case "metadata": {
      const { filter, invert, path, value } = one.match;
      const said: MetadataFields | undefined = of.metadata?.[filter];
      return valueHolds(value, said?.[path[0] ?? ""]) !== invert;
    }
    default:
      throw new Error(one.kind);
  }
}

function naiveDecision({ action, policies }: RbacRules, of: DescribedRequest) {
  const found = policies.find(
    ({ permissions, principals }) =>
      permissions.some((one) => naive(one, of)) && principals.some((one) => naive(one, of)),
  );
  const allowed = action === "log" || (found !== undefined) === (action === "allow");
  return { allowed, policy: found?.name };
}

const text = fc.constantFrom("a", "b", "ab", "A", "abc");
const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("exact", "prefix", "suffix", "contains"),
    value: text,
    ignoreCase: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("regex" as const),
    value: fc.constantFrom("a.*", "[ab]+", ".+"),
    ignoreCase: fc.constant(false),
  }),
);
const pathMatch: fc.Arbitrary<StringMatch> = fc.record({
  kind: fc.constantFrom("exact", "prefix", "suffix"),
  value: fc.constantFrom("/a", "/a/b", "/b", "/"),
  ignoreCase: fc.constant(false),
});
const peerMatch: fc.Arbitrary<StringMatch> = fc.record({
  kind: fc.constantFrom("exact", "prefix", "suffix"),
  value: fc.constantFrom("spiffe://m/sa/a", "spiffe://m/sa/b", "/sa/a"),
  ignoreCase: fc.constant(false),
});
const range = fc.record({
  address: fc.constantFrom("10.0.0.0", "10.0.0.1", "fd00::"),
  prefixLength: fc.constantFrom(8, 31, 32),
});
const header = fc.record({
  kind: fc.constant("header" as const),
  match: fc.record({
    name: fc.constantFrom("x", "y", ":method", ":authority"),
    value: fc.option(stringMatch, { nil: undefined }),
    invert: fc.boolean(),
    missingAsEmpty: fc.boolean(),
  }),
});
const any = fc.constant({ kind: "any" as const });
const urlPath = fc.record({ kind: fc.constant("urlPath" as const), match: pathMatch });
const metadata = fc.record({
  kind: fc.constant("metadata" as const),
  match: fc.record({
    filter: fc.constantFrom("f", "g"),
    path: fc.constantFrom(["k"], ["l"]),
    value: fc.oneof(
      fc.record({ kind: fc.constant("string" as const), match: stringMatch }),
      fc.record({ kind: fc.constant("bool" as const), value: fc.boolean() }),
      fc.constant({ kind: "present" as const, present: true }),
    ),
    invert: fc.boolean(),
  }),
});

function tree<T>(leaf: fc.Arbitrary<T>): fc.Arbitrary<T> {
  const kind = fc.constantFrom("and" as const, "or" as const);
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      { arbitrary: leaf as fc.Arbitrary<unknown>, weight: 3 },
      fc.record({ kind, of: fc.array(tie("node"), { minLength: 1, maxLength: 3 }) }),
      fc.record({ kind: fc.constant("not" as const), of: tie("node") }),
    ),
  }));
  return node as fc.Arbitrary<T>;
}

const permission = tree<Permission>(
  fc.oneof(
    any,
    header,
    urlPath,
    metadata,
    fc.record({ kind: fc.constant("destinationPort" as const), port: fc.constantFrom(80, 81) }),
    fc.record({ kind: fc.constant("destinationIp" as const), range }),
    fc.record({ kind: fc.constant("requestedServerName" as const), match: stringMatch }),
    fc.constant({ kind: "destinationPortRange" as const, start: 80, end: 81 }),
  ),
);
const principal = tree<Principal>(
  fc.oneof(
    any,
    header,
    urlPath,
    metadata,
    fc.record({
      kind: fc.constant("authenticated" as const),
      name: fc.option(peerMatch, { nil: undefined }),
    }),
    fc.record({ kind: fc.constantFrom("directRemoteIp", "remoteIp", "sourceIp"), range }),
  ),
);
const rules: fc.Arbitrary<RbacRules> = fc.record({
  action: fc.constantFrom("allow", "deny", "log"),
  // Enough for the index, which finds exact paths and names.
  policies: fc
    .array(
      fc.record({
        permissions: fc.array(permission, { minLength: 1, maxLength: 3 }),
        principals: fc.array(principal, { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 40 },
    )
    .map((list) => list.map((one, i) => ({ ...one, name: `p${String(i).padStart(2, "0")}` }))),
});

const known = {
  method: fc.constantFrom("GET", "a"),
  // Without letters: their case would be a second reading.
  host: fc.constantFrom("1", "2"),
  path: fc.constantFrom("/a", "/a/b", "/b", "/b?x=/a", "/"),
  principal: fc.constantFrom("spiffe://m/sa/a", "spiffe://m/sa/b", "spiffe://m/sa/c"),
  sourceIp: fc.constantFrom("10.0.0.1", "11.0.0.1"),
  remoteIp: fc.constantFrom("10.0.0.1", "fd00::1"),
  destinationIp: fc.constantFrom("10.0.0.0", "10.0.0.1"),
  destinationPort: fc.constantFrom(80, 81),
  serverName: text,
  metadata: fc.record({
    f: fc.record({ k: fc.oneof(text, fc.boolean()) }, { requiredKeys: [] }),
    g: fc.record({ l: text }, { requiredKeys: [] }),
  }),
};
const fields = fc.array(fc.tuple(fc.constantFrom("x", "y"), text), { maxLength: 2 });

/** Can be read in one way, and everything is known of it. */
const clear: fc.Arbitrary<DescribedRequest> = fc.record({
  ...known,
  headers: fields.map((list) => list.filter(([name], i) => i === 0 || name !== list[0]?.[0])),
});

/** Whatever a client may send, or may leave out. */
const unclear = fc.record(
  {
    ...known,
    path: fc.constantFrom("/a;x", "/x/..;/a", "//a", "/%2Fa", "/a", "/b", ""),
    host: fc.constantFrom("A", "a:80", "a.", "ab"),
    headers: fc.array(
      fc.tuple(fc.constantFrom("x", "y"), fc.oneof(text, fc.constantFrom("b,a", " a", "b , A"))),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<DescribedRequest>;

function decided(said: RbacRules, request: DescribedRequest) {
  const rest = { shadowRules: undefined, rulesStatPrefix: "", shadowRulesStatPrefix: "" };
  return decideRbac({ rules: said, ...rest, trackPerRuleStats: false }, request).enforced;
}

describe("random rules", () => {
  it("decide a clear request as a plain evaluator does", () => {
    fc.assert(
      fc.property(rules, fc.array(clear, { minLength: 5, maxLength: 5 }), (said, requests) => {
        for (const one of requests) expect(decided(said, one)).toEqual(naiveDecision(said, one));
      }),
      { numRuns: 800 },
    );
  });

  it("never let in an unclear request that it would keep out", () => {
    fc.assert(
      fc.property(rules, fc.array(unclear, { minLength: 5, maxLength: 5 }), (said, requests) => {
        for (const one of requests) {
          const { allowed } = naiveDecision(said, one);
          if (decided(said, one)?.allowed === true) expect(allowed).toBe(true);
        }
      }),
      { numRuns: 800 },
    );
  });
});
