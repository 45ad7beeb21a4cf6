import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import { compareProxies } from "../support/compare-proxies.ts";
import { type DifferentialCase, rawOf } from "../support/differential-cases.ts";
import {
  base64Url,
  type Claims,
  hmacToken,
  jwksOf,
  signingKey,
  signText,
  token,
} from "../support/tokens.ts";
import { describeWith } from "../support/tools.ts";

const KEYS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
  .concat("EdDSA")
  .map((alg) => signingKey(`key-${alg}`, alg));
const [RSA] = KEYS;
if (RSA === undefined) throw new Error("no key");
const STRANGER = signingKey("key-RS256", "RS256");
const JWKS = jwksOf(...KEYS);
const PEM = { type: "spki", format: "pem" } as const;
const nowS = Math.floor(Date.now() / 1000);

const ONE: Claims = { iss: "https://one.example", sub: "alice", aud: "shop", exp: nowS + 3600 };
const TWO: Claims = { iss: "https://two.example", sub: "bob", exp: nowS + 3600 };

function ask(name: string, path: string, ...headers: string[]): DifferentialCase {
  return { name, lines: [`GET ${path} HTTP/1.1`, "Host: reviews", ...headers] };
}

function bearer(text: string): string {
  return `Authorization: Bearer ${text}`;
}

/** A request to provider `one`, with these claims instead of its own. */
function claiming(name: string, claims: Claims): DifferentialCase {
  return ask(name, "/one", bearer(token({ ...ONE, ...claims }, RSA as never)));
}

function withHeader(name: string, header: Claims): DifferentialCase {
  return ask(name, "/one", bearer(token(ONE, RSA as never, header)));
}

function differing(difference: string, one: DifferentialCase): DifferentialCase {
  return { ...one, difference };
}

const one = token(ONE, RSA);
const SPOOFED = "X-Sub: root";
const PREFLIGHT = "Access-Control-Request-Method: PUT";
const TWINS = JSON.stringify(ONE).replace("{", '{"sub":"root",');
const two = token(TWO, RSA);
const [head = "", payload = "", signature = ""] = one.split(".");

const CASES: Readonly<Record<string, readonly DifferentialCase[]>> = {
  algorithms: KEYS.map((key) => ask(`takes ${key.alg}`, "/one", bearer(token(ONE, key)))),
  places: [
    ask("takes the header of everybody", "/one?x=1", bearer(one)),
    ask("takes the parameter of everybody", `/one?access_token=${one}`),
    ask("needs a token", "/one"),
    ask("needs a token with a query", "/one?a=b"),
    ask("needs the prefix", "/one", `Authorization: ${one}`),
    ask("finds the prefix anywhere", "/one", `Authorization: x Bearer ${one}`),
    ask("takes a header of its own", "/two", `X-Token: ${two}`),
    ask("takes a prefix of its own", "/two", `X-Other: Key ${two}`),
    ask("takes a parameter of its own", `/two?token=${two}&b=c`),
    ask("takes a cookie", "/two", `Cookie: a=b; session=${two}; c=d`),
    ask("takes a cookie in quotes", "/two", `Cookie: session="${two}"`),
    ask("has no other place where some are named", "/two", bearer(two)),
    ask("wants all tokens to be good", "/two", `X-Token: ${two}`, "X-Other: Key bad"),
    ask("wants each line of a header to be good", "/two", `X-Token: ${two}`, "X-Token: bad"),
    ask("wants another's token to be its own", "/two", `X-Token: ${one}`),
    ask("takes a header's token out", "/taken", `X-Taken: T ${two}`, "X-Kept: 1"),
    ask("takes a parameter's token out", `/taken?a=1&taken=${two}`),
    ask("leaves no question mark behind", `/taken?taken=${two}`),
    ask("says nothing of a token behind a prefix without one", "/two", "X-Other: Key "),
  ],
  claims: [
    claiming("wants the issuer exactly", { iss: "https://one.example.evil" }),
    claiming("wants an issuer", { iss: undefined }),
    claiming("takes one of several audiences", { aud: ["a", "shop"] }),
    claiming("takes an audience by its bare name", { aud: "http://other.example" }),
    claiming("refuses another audience", { aud: "bank" }),
    claiming("refuses no audience", { aud: undefined }),
    claiming("refuses an empty list of audiences", { aud: [] }),
    claiming("refuses a token that has expired", { exp: nowS - 120 }),
    claiming("has a minute's patience", { exp: nowS - 30 }),
    claiming("takes a token without an end", { exp: undefined }),
    claiming("refuses a token whose time has not come", { nbf: nowS + 120 }),
    claiming("is a minute early", { nbf: nowS + 30 }),
    claiming("minds no token from the future", { iat: nowS + 1000 }),
    claiming("reads fractions of seconds", { exp: nowS + 100.7 }),
    claiming("reads no text as time", { exp: String(nowS + 100) }),
    claiming("reads no negative time", { exp: -1 }),
    claiming("reads no endless time", { nbf: 1e30 }),
    claiming("reads no list as a time of issue", { iat: [] }),
    claiming("reads no number as issuer", { iss: 1 }),
    claiming("reads no number as subject", { sub: 1 }),
    claiming("reads no number as id", { jti: 1 }),
    claiming("reads no number as audience", { aud: 1 }),
    claiming("reads no number among audiences", { aud: ["shop", 1] }),
    ask("asks a rule's own audiences", "/aud", bearer(token({ ...ONE, aud: "bank" }, RSA))),
    ask("asks no provider's beside them", "/aud", bearer(one)),
    ask("has a patience of its own", "/two", `X-Token: ${token({ ...TWO, exp: nowS - 30 }, RSA)}`),
    ask("takes any issuer where none is named", "/anybody", bearer(two)),
    ask("needs no issuer there", "/anybody", bearer(token({ sub: "x" }, RSA))),
    ask("needs an end where told to", "/short", bearer(token({ sub: "spiffe://a" }, RSA))),
    ask(
      "takes a subject that matches",
      "/short",
      bearer(token({ sub: "spiffe://a", exp: nowS + 9 }, RSA)),
    ),
    ask("refuses another", "/short", bearer(token({ sub: "a", exp: nowS + 9 }, RSA))),
    ask("takes a short life", "/lasting", bearer(token({ exp: nowS + 1000 }, RSA))),
    ask("refuses a long one", "/lasting", bearer(token({ exp: nowS + 9000 }, RSA))),
    ask("refuses an endless one", "/lasting", bearer(token({ sub: "a" }, RSA))),
  ],
  signatures: [
    ask("refuses a stranger's", "/one", bearer(token(ONE, STRANGER))),
    ask("refuses another token's", "/one", bearer(`${head}.${payload}.${two.split(".")[2]}`)),
    ask("refuses half of one", "/one", bearer(`${head}.${payload}.${signature.slice(0, 40)}`)),
    withHeader("finds no other key", { kid: "key-of-nobody" }),
    withHeader("does not inherit a key", { kid: "__proto__" }),
    withHeader("opens no file for a key", { kid: "../../../../dev/null" }),
    withHeader("takes an empty name for none", { kid: "" }),
    withHeader("does without a name", { kid: undefined }),
    withHeader("reads no number as a key's name", { kid: 1 }),
    withHeader("refuses the key's wrong algorithm", { alg: "RS512" }),
    withHeader("refuses another kind of key", { alg: "ES256" }),
    withHeader("fetches no key that a token names", { jku: "http://127.0.0.1:1/", kid: undefined }),
    ask(
      "believes no key that a token brings",
      "/one",
      bearer(
        token(ONE, STRANGER, {
          jwk: STRANGER.publicKey.export({ format: "jwk" }),
          x5u: "http://a",
        }),
      ),
    ),
    ask(
      "wants 64 bytes of Ed25519",
      "/one",
      bearer(`${base64Url('{"alg":"EdDSA","kid":"key-EdDSA"}')}.${payload}.QUJD`),
    ),
  ],
  forms: [
    ask("refuses no algorithm", "/one", bearer(`${base64Url('{"alg":"none"}')}.${payload}.QQ`)),
    ask("refuses None", "/one", bearer(`${base64Url('{"alg":"None"}')}.${payload}.QQ`)),
    withHeader("needs an algorithm", { alg: undefined }),
    withHeader("reads no number as algorithm", { alg: 1 }),
    ask("wants each name once", "/one", bearer(signText('{"alg":"RS256"}', TWINS, RSA))),
    ask("wants three parts", "/one", bearer(`${head}.${payload}`)),
    ask("wants not four", "/one", bearer(`${one}.x`)),
    ask("wants not five", "/one", bearer(`${head}.a.b.c.d`)),
    ask("wants a signature", "/one", bearer(`${head}.${payload}.`)),
    ask("wants base64url", "/one", bearer(`${head}.${payload}.a+b/`)),
    ask("wants base64url of a header", "/one", bearer(`a*b.${payload}.${signature}`)),
    ask("wants base64url of a payload", "/one", bearer(`${head}.a*b.${signature}`)),
    ask("wants JSON", "/one", bearer(`${base64Url("no")}.${payload}.${signature}`)),
    ask("wants an object", "/one", bearer(`${base64Url("[1]")}.${payload}.${signature}`)),
    ask("wants a payload of JSON", "/one", bearer(signText('{"alg":"RS256"}', "no", RSA))),
    ask(
      "wants text of UTF-8",
      "/one",
      bearer(`${head}.${base64Url(Buffer.of(0x7b, 0xff, 0x7d))}.QQ`),
    ),
  ],
  requirements: [
    ask("asks nothing where no rule is", "/elsewhere"),
    ask("asks nothing where a rule asks nothing", "/open", bearer("bad")),
    ask("asks nothing where the requirement is empty", "/none", bearer("bad")),
    ask("asks by name", "/named", bearer(one)),
    ask("asks by name, in vain", "/named"),
    ask("asks by header", "/elsewhere", "X-Rule: 1"),
    ask("matches a path whole", "/one/more"),
    ask("is off for a route", "/route-off", bearer("bad")),
    ask("asks as a route says", "/route-named"),
    ask("asks as a route says, and is answered", "/route-named", bearer(one)),
    ask("lets nobody through by an unknown name", "/route-unknown", bearer(one)),
    ask("takes any of two: the first", "/any", bearer(one)),
    ask("takes any of two: the second", "/any", `X-Token: ${two}`),
    ask("takes any of two: none", "/any"),
    ask("takes any of two: a bad one", "/any", bearer("bad")),
    ask("takes any of two: another's", "/any", bearer(two)),
    ask("takes any of two: another's and a bad one", "/any", bearer(two), "X-Token: bad"),
    ask("takes both", "/all", bearer(one), `X-Token: ${two}`),
    ask("takes not one of both", "/all", bearer(one)),
    ask("takes no token where it may be missing", "/optional"),
    ask("takes a good one there", "/optional", bearer(one)),
    ask("takes no bad one there", "/optional", bearer("bad")),
    ask("takes no other's there", "/optional", bearer(two)),
    ask("takes a bad one where it may fail", "/failed", bearer("bad")),
    ask("takes anybody's where all may be missing", "/missing", bearer(one)),
    ask("takes nothing there", "/missing"),
    ask("takes no stranger's there", "/missing", bearer(token({ ...ONE, aud: "no" }, RSA))),
    ask("takes whatever there is", "/whatever", bearer("bad")),
    ask("takes what is good of it", "/whatever", bearer(one)),
    ask("takes Istio's requirement: none", "/istio"),
    ask("takes Istio's requirement: the first", "/istio", bearer(one)),
    ask("takes Istio's requirement: the second", "/istio", `X-Token: ${two}`),
    ask("takes Istio's requirement: a bad one", "/istio", bearer("bad")),
    ask("takes Istio's requirement: another's", "/istio", bearer(two)),
    {
      name: "lets preflights pass",
      lines: ["OPTIONS /one HTTP/1.1", "Host: reviews", "Origin: http://a", PREFLIGHT],
    },
    { name: "lets no other OPTIONS pass", lines: ["OPTIONS /one HTTP/1.1", "Host: reviews"] },
  ],
  "what tokens bring": [
    claiming("tells claims by headers", {
      nested: { deep: "x y" },
      number: 12,
      flag: true,
      list: ["a", 1],
    }),
    claiming("tells fractions", { number: 1.5 }),
    claiming("tells negative numbers", { number: -3 }),
    claiming("tells large numbers", { number: 2 ** 53 }),
    claiming("tells no empty claim", { sub: "", nested: null, flag: false }),
    claiming("tells no claim below a text", { nested: "deep" }),
    claiming("tells names of the world", { sub: "Zoë ☂" }),
    claiming("goes another way by a claim", { sub: "carol" }),
    ask("believes no client", "/one", bearer(one), "X-Number: 7", "X-Payload: e30"),
    ask("believes no client where another's token is enough", "/two", `X-Token: ${two}`, SPOOFED),
    ask("believes no client where no rule is", "/elsewhere", SPOOFED),
    ask("believes no client where a rule asks nothing", "/open", SPOOFED),
    ask("believes no client where a route is off", "/route-off", SPOOFED),
    ask("believes no client whose token may fail", "/whatever", bearer("bad"), SPOOFED),
    {
      name: "believes no preflight",
      lines: ["OPTIONS /one HTTP/1.1", "Host: reviews", SPOOFED, "Origin: http://a", PREFLIGHT],
    },
    claiming("tells words one by one", { scope: "read  write admin " }),
    claiming("tells no words of a list", { scope: ["read", "write admin"] }),
    ask("tells why a token failed", "/failed", bearer(token({ ...ONE, exp: 1 }, RSA))),
    ask("tells why a token's issuer failed", "/failed", bearer(two)),
    ask("pads a payload", "/two", `X-Token: ${token({ ...TWO, pad: "1" }, RSA)}`),
    ask("pads it by one", "/two", `X-Token: ${token({ ...TWO, pad: "12" }, RSA)}`),
    ask("pads it by two", "/two", `X-Token: ${token({ ...TWO, pad: "123" }, RSA)}`),
    ask("knows a token again", "/two", `X-Token: ${two}`),
  ],
  "remote keys": [
    ask(
      "are fetched for the first token",
      "/remote",
      bearer(token({ ...ONE, iss: "https://remote.example" }, RSA)),
    ),
    ask(
      "are kept for the next",
      "/remote",
      bearer(token({ ...ONE, iss: "https://remote.example", sub: "b" }, RSA)),
    ),
    ask("are not fetched without one", "/remote"),
    ask(
      "may not be there",
      "/failing",
      bearer(token({ ...ONE, iss: "https://failing.example" }, RSA)),
    ),
    ask(
      "come from nowhere else",
      "/moved",
      bearer(token({ ...ONE, iss: "https://moved.example" }, RSA)),
    ),
  ],
};

/** Both answer, and not alike: docs/differences.md says why. */
const STRICT: Readonly<Record<string, readonly DifferentialCase[]>> = {
  "where Outrigger is stricter": [
    differing("Tokens are read strictly", withHeader("something is critical", { crit: ["exp"] })),
    differing("Tokens are read strictly", ask("parts are empty", "/one", bearer(`.${one}.`))),
    differing("Tokens are read strictly", claiming("the end is at 1970", { exp: 0 })),
    differing(
      "Shared secrets verify nothing",
      ask("HS256 of a public key", "/one", bearer(hmacToken(ONE, RSA.publicKey.export(PEM)))),
    ),
    differing(
      "All tokens have to be good",
      ask("a parameter stands twice", `/taken?taken=${two}&taken=bad`),
    ),
    differing(
      "All tokens have to be good",
      ask("one is good where none is needed", "/missing?access_token=bad", bearer(one)),
    ),
  ],
  "where Outrigger leaves more alone": [
    differing("The rest of a query stays", ask("parameters", `/taken?b=1&taken=${two}&a=%2f`)),
    differing("A realm has no quotes in it", ask("quotes", '/one?a="b"')),
  ],
};

async function keyServer(): Promise<{ ports: Record<string, number>; stop: () => Promise<void> }> {
  const server = http.createServer((request, response) => {
    if (request.url === "/jwks?a=b") response.end(JWKS);
    else if (request.url === "/moved") response.writeHead(302, { location: "/jwks?a=b" }).end();
    else response.writeHead(404).end("no");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address !== "object") throw new Error("no port");
  return {
    ports: { KEYS: address.port },
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const YAML = fs
  .readFileSync(new URL("differential-jwt.yaml", import.meta.url), "utf8")
  .replaceAll("$JWKS", JSON.stringify(JWKS));

describeWith(["envoy"], "Envoy's JWT filter and Outrigger's", () => {
  compareProxies({
    yaml: YAML,
    groups: CASES,
    exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
    counters: /^http\.in\.jwt_authn\./,
    servers: keyServer,
  });
});

describeWith(["envoy"], "Envoy's JWT filter and Outrigger's, where they differ", () => {
  compareProxies({
    yaml: YAML,
    groups: STRICT,
    exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
    servers: keyServer,
  });
});
