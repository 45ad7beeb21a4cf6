/** A request, for the rules of rbac-rules.ts that its path names. */
export interface RbacCase {
  readonly target: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: readonly string[];
  /** Over TLS, with that certificate; `nobody` has none. */
  readonly by?: string;
  readonly sni?: string;
  /** Address of the client. */
  readonly from?: string;
  /** A heading of docs/differences.md, where the two differ. */
  readonly difference?: string;
}

const STRICT = "Where a request can be read in two ways, policies refuse it";
const ANONYMOUS = "Who shows no certificate is nobody in particular";

function paths(...targets: string[]): RbacCase[] {
  return targets.map((target) => ({ target }));
}

/** One request for each set of headers. */
function having(target: string, ...sets: string[][]): RbacCase[] {
  return sets.map((headers) => ({ target, headers }));
}

function by(target: string, ...names: (string | undefined)[]): RbacCase[] {
  return names.map((name) => (name === undefined ? { target } : { target, by: name }));
}

const ADMIN = "X-Role: admin";
const USER = "X-Role: user";
const CLIENTS = [undefined, "nobody", "client", "other", "named", "plain"];

const RULES_OF_REQUESTS: readonly RbacCase[] = [
  ...paths("/nobody/x", "/everybody/x", "/open", "/unrouted"),
  ...["GET", "PUT", "HEAD", "POST", "DELETE", "OPTIONS"].flatMap((method) => [
    { target: "/methods/x", method },
    { target: "/no-methods/x", method },
  ]),
  { target: "/methods/x", method: "POST", headers: ["X-HTTP-Method-Override: GET"] },
  ...paths("/exact-path/a", "/exact-path/a?b", "/exact-path/a/", "/exact-path/A", "/exact-path"),
  ...paths("/exact-path/./a", "/exact-path/b/../a", "/exact-path/%61", "/exact-path//a"),
  ...paths("/prefix-path/a", "/prefix-path/ab/c", "/prefix-path/b", "/prefix-path/../open"),
  ...paths("/suffix-path/a.css", "/suffix-path/a.css?x=.js", "/suffix-path/a.js?x=.css"),
  ...paths("/contained-path/in/x", "/contained-path/x?/in/"),
  ...paths("/regex-path/12", "/regex-path/12/x", "/regex-path/a", "/regex-path/12?a"),
  ...paths("/folded-path/a", "/folded-path/b"),
  ...paths("/not-path/admin", "/not-path/x/../admin", "/not-path/x", "/not-path/Admin"),
  ...paths("/target?x=1", "/target", "/target?x=2"),
  ...paths("/one/x/b", "/one//b", "/one/x/y/b", "/one/x/b/", "/one/x%y/b", "/one/x=*y/b"),
  ...paths("/any/", "/any", "/any/a/b", "/any/a=b", "/any/a*b"),
  ...paths("/tail/c.json", "/tail/a/c.json", "/tail/a/b/c.json", "/tail/a/b/c.jso"),
  ...paths("/capture/a/1/b.html", "/capture/a/1/.html", "/capture/b/1/b.html"),
];

const RULES_OF_HEADERS: readonly RbacCase[] = [
  ...having("/exact-header/x", [], [ADMIN], [USER], ["X-Role: ADMIN"], [`${ADMIN}  `], ["X-Role:"]),
  ...having("/exact-header/x", [ADMIN, ADMIN], [USER, USER], ["X-Role: user,admin"]),
  { target: "/exact-header/x", headers: [USER, ADMIN], difference: STRICT },
  { target: "/exact-header/x", headers: [ADMIN, USER], difference: STRICT },
  ...having("/denied-role/x", [], [ADMIN], [USER], [USER, ADMIN], [USER, "X-Role: other"]),
  { target: "/denied-role/x", headers: ["X-Role: user,admin"], difference: STRICT },
  { target: "/denied-role/x", headers: ["X-Role: user, admin"], difference: STRICT },
  ...having("/not-header/x", [], [ADMIN], [USER], [ADMIN, ADMIN]),
  { target: "/not-header/x", headers: [USER, ADMIN], difference: STRICT },
  ...having("/inverted-header/x", [], [ADMIN], [USER], [USER, ADMIN], [USER, USER]),
  ...having("/inverted-denied/x", [], [ADMIN], [USER], [USER, USER]),
  { target: "/inverted-denied/x", headers: [USER, ADMIN], difference: STRICT },
  ...["empty-header", "old-exact", "old-empty", "old-prefix", "old-suffix"].flatMap((rule) =>
    having(`/${rule}/x`, [], [ADMIN], [USER], ["X-Role:"]),
  ),
  ...["old-contains", "old-regex", "present", "absent", "inverted-present", "folded"].flatMap(
    (rule) => having(`/${rule}/x`, [], [ADMIN], [USER], ["X-Role:"], ["X-Role: ADMIN"]),
  ),
  ...["shop.example", "SHOP.example", "shop.example:80", "a.shop.example", "shop.example."].flatMap(
    (host) => [
      { target: "/host/x", host },
      { target: "/old-host/x", host },
    ],
  ),
  ...having("/and-or/x", [], ["X-A: 1"], ["X-B: 1"], ["X-A: 2"]),
  ...["POST", "PATCH"].flatMap((method) => [
    { target: "/and-or/x", method, headers: ["X-A: 1"] },
    { target: "/and-or/x", method, headers: ["X-B: 1", "X-A: 2"] },
    { target: "/and-or/x", method },
  ]),
  ...having("/deep/x", [], ["X-A: 1"]),
  { target: "/deep/x", method: "POST" },
  ...["z", "10", "9", "a", "B", "aB", "za", "910", "none"].map((value) => ({
    target: "/in-order/x",
    headers: [`X-Policy: ${value}`],
  })),
  { target: "/in-order/x", headers: ["X-Policy: z\xc3\xa9"] },
  { target: "/in-order/x", headers: ["X-Policy: \xc3\xa9"] },
  { target: "/in-order/x", headers: ["X-Policy: \xe9"] },
  ...paths("/many/0", "/many/2", "/many/38", "/many/39", "/many/3", "/many/40", "/many/x"),
];

const RULES_OF_CONNECTIONS: readonly RbacCase[] = [
  ...paths("/port/x", "/ports/x", "/destination/x", "/elsewhere/x"),
  ...["127.0.0.1", "127.0.0.2"].flatMap((from) => [
    { target: "/direct/x", from },
    { target: "/source/x", from },
    { target: "/remote/x", from },
  ]),
  ...[
    "203.0.113.9",
    "198.51.100.1",
    "203.0.113.9, 198.51.100.1",
    "198.51.100.1,203.0.113.9",
  ].flatMap((forwarded) =>
    ["/direct/x", "/source/x", "/remote/x", "/not-remote/x"].map((target) => ({
      target,
      headers: [`X-Forwarded-For: ${forwarded}`],
    })),
  ),
  ...["a.example", "other", ""].map((sni) => ({ target: "/sni/x", by: "nobody", sni })),
  { target: "/sni/x" },
  ...["client", "client-prefix", "client-suffix", "client-regex", "client-dns"].flatMap((rule) =>
    by(`/${rule}/x`, ...CLIENTS),
  ),
  ...["client-subject", "client-any", "no-client", "not-client", "all-but-client"].flatMap((rule) =>
    by(`/${rule}/x`, ...CLIENTS),
  ),
  ...["client", "other", undefined].flatMap((name) =>
    ["/both/x", "/either/x"].flatMap((target) =>
      [[], [ADMIN]].map((headers) => ({
        target,
        headers,
        ...(name === undefined ? {} : { by: name }),
      })),
    ),
  ),
  ...paths("/who-path/a", "/who-path/b"),
];

const FILTERS_IN_A_ROW: readonly RbacCase[] = [
  ...having("/open", ["X-Dry: yes"], ["X-Dry: no"], ["X-Log: 1"], ["X-Log: 1", "X-Dry: yes"]),
  ...having("/open", ["X-Deny: b"], ["X-Deny: ab"], ["X-Deny: ba"], ["X-Deny: c"]),
  ...having("/open", ["X-Deny-Logged: 1"], ["X-Deny-Logged: 1", "X-Log: 1"]),
  ...having("/open", ["X-Deny-Dry: 1"], ["X-Deny-Dry: 1", "X-Dry: yes"], ["X-Deny-Unsaid: 1"]),
  ...["/own", "/off", "/other", "/prefixes", "/direct", "/redirect", "/else"].map((target) => ({
    target,
    host: "levels.example",
  })),
  ...["/nobody/pkg.Service/Method", "/open"].map((target) => ({
    target,
    method: "POST",
    headers: ["Content-Type: application/grpc", "Content-Length: 0", "X-Deny: a"],
  })),
  { target: "/nobody/x", headers: ["Upgrade: websocket", "Connection: upgrade"] },
  { target: "/nobody/x", method: "HEAD" },
];

/** Every request is asked of both; those that differ come last. */
const CASES: readonly RbacCase[] = [
  ...RULES_OF_REQUESTS,
  ...RULES_OF_HEADERS,
  ...RULES_OF_CONNECTIONS,
  ...FILTERS_IN_A_ROW,
  ...by("/not-this-client/x", "client", "other", "named"),
  { target: "/not-this-client/x", difference: ANONYMOUS },
  { target: "/not-this-client/x", by: "nobody", difference: ANONYMOUS },
  { target: "/exact-path/a;x" },
  { target: "/not-path/;x/admin", difference: STRICT },
  { target: "/not-path/%2fadmin", difference: STRICT },
  { target: "/one/x%2Fy/b", difference: STRICT },
];

export const SAME_CASES: readonly RbacCase[] = CASES.filter((one) => one.difference === undefined);

export const RBAC_CASES: readonly RbacCase[] = [
  ...SAME_CASES,
  ...CASES.filter((one) => one.difference !== undefined),
];
