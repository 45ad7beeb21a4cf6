import { describe, expect, it } from "vitest";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { HashPolicy } from "../../model/balance/hash-policy.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import { RequestHead } from "../route/request-head.ts";
import { RequestHash } from "./request-hash.ts";
import { hashText } from "./text-hash.ts";

const SOURCE = {
  downstreamRemoteAddress: () => "10.0.0.7:41522",
  downstreamLocalAddress: () => "10.0.0.1:80",
};

interface Asked {
  readonly path?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

function requestOf({ path = "/", headers = [] }: Asked): RequestHead {
  const table = new HeaderTable();
  for (const [name, value] of headers) table.addName(name, value);
  const request = new RequestHead(table);
  request.setPath(path);
  return request;
}

/** As Envoy's HashPolicyImpl puts them together. */
function together(...texts: readonly string[]): string {
  let all = 0n;
  for (const text of texts) {
    const one = new Hash64();
    hashText(text, one);
    const turned = ((all << 1n) | (all >> 63n)) & ((1n << 64n) - 1n);
    all = turned ^ BigInt(`0x${one.toString()}`);
  }
  return all.toString(16).padStart(16, "0");
}

const KEY: HashPolicy = { kind: "header", name: "x-key", rewrite: undefined, terminal: false };
const IP: HashPolicy = { kind: "sourceIp", terminal: false };
const QUERY: HashPolicy = { kind: "queryParameter", name: "key", terminal: false };
const COOKIE: HashPolicy = {
  kind: "cookie",
  name: "c",
  ttlMs: undefined,
  path: "",
  attributes: [],
  terminal: false,
};

describe.each([
  { name: "a header", policies: [KEY], asked: { headers: [["x-key", "v"]] }, of: ["v"] },
  {
    name: "two policies, the first turned",
    policies: [KEY, QUERY],
    asked: { headers: [["x-key", "v"]], path: "/?key=w" },
    of: ["v", "w"],
  },
  {
    name: "the same policy twice",
    policies: [KEY, KEY],
    asked: { headers: [["x-key", "v"]] },
    of: ["v", "v"],
  },
  {
    name: "what is there, where the first finds nothing",
    policies: [KEY, IP],
    asked: {},
    of: ["10.0.0.7"],
  },
  {
    name: "nothing behind a terminal policy that found something",
    policies: [{ ...KEY, terminal: true }, IP],
    asked: { headers: [["x-key", "v"]] },
    of: ["v"],
  },
  {
    name: "what was found before, where a terminal policy finds nothing",
    policies: [IP, { ...KEY, terminal: true }, QUERY],
    asked: { path: "/?key=w" },
    of: ["10.0.0.7"],
  },
  {
    name: "a cookie among others",
    policies: [COOKIE],
    asked: { headers: [["cookie", 'b=1; cc=2; c="3"']] },
    of: ["3"],
  },
] as const)("a request's hash is of $name", ({ policies, asked, of }) => {
  it("and nothing else", () => {
    const out = new Hash64();
    const cookies: string[] = [];
    expect(new RequestHash(policies).of(requestOf(asked), SOURCE, out, cookies)).toBe(true);
    expect(out.toString()).toBe(together(...of));
    expect(cookies).toEqual([]);
  });
});

it("there is no hash where no policy finds anything", () => {
  const hash = new RequestHash([KEY, QUERY, COOKIE]);
  expect(hash.of(requestOf({ path: "/?other=1" }), SOURCE, new Hash64(), [])).toBe(false);
});

it("a header's rewrite leaves what is hashed", () => {
  const rewrite = { pattern: "^/(\\w+)/.*", substitution: "\\1" };
  const out = new Hash64();
  const request = requestOf({ headers: [["x-key", "/tenant/7"]] });
  new RequestHash([{ ...KEY, rewrite }]).of(request, SOURCE, out, []);
  expect(out.toString()).toBe(together("tenant"));
});

it("a cookie is made where it is missing, the same for all of a connection", () => {
  const hash = new RequestHash([
    { ...COOKIE, ttlMs: 60_500, path: "/p", attributes: [{ name: "SameSite", value: "Lax" }] },
  ]);
  const cookies: string[] = [];
  const out = new Hash64();
  hash.of(requestOf({}), SOURCE, out, cookies);
  const value = together("10.0.0.7:4152210.0.0.1:80");
  expect(cookies).toEqual([`c="${value}"; Max-Age=60; Path=/p; SameSite=Lax; HttpOnly`]);
  expect(out.toString()).toBe(together(value));
});

it("a source address of IPv6 has one form", () => {
  const forms = ["[2001:db8::0]:5", "[2001:db8:0:0:0:0:0:0]:6", "[2001:DB8::]:7"];
  const hashes = forms.map((address) => {
    const out = new Hash64();
    const source = { ...SOURCE, downstreamRemoteAddress: () => address };
    new RequestHash([IP]).of(requestOf({}), source, out, []);
    return out.toString();
  });
  expect(new Set(hashes)).toEqual(new Set([together("2001:db8::")]));
});
