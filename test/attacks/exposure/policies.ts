import type { Arena } from "../arena/arena.ts";
import type { Attack } from "../arena/attack.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";
import { type Field, get } from "../wire/frames.ts";

const HOST = "a";

function head(line: string, fields: readonly string[] = [], host = HOST): string {
  return `${[line, `Host: ${host}`, ...fields].join("\r\n")}\r\n\r\n`;
}

const to = (path: string): string => head(`GET ${path} HTTP/1.1`);
const having = (...fields: string[]): string => head("GET /roles HTTP/1.1", fields);

/** Each on a connection of its own; those that were let in, or left without an answer. */
async function refused(arena: Arena, spent: Spent, heads: readonly string[]): Promise<string> {
  const passed: string[] = [];
  for (const one of heads) {
    const attacker = await Attacker.open(arena.ports.listeners.guarded, spent);
    await attacker.send(one);
    await attacker.sees(/^\d\d\d$/);
    if (attacker.count("403") + attacker.count("400") !== 1) passed.push(JSON.stringify(one));
    await attacker.leave();
  }
  return passed.length === 0 ? "all refused" : passed.join();
}

const around = (name: string, source: string, heads: readonly string[]): Attack => ({
  name,
  source,
  verdict: "all refused",
  forwarded: 0,
  run: (arena, spent) => refused(arena, spent, heads),
});

/** Ways around what the listener `guarded` denies: a path, a role, a host, a value's form. */
export const POLICIES: readonly Attack[] = [
  around(
    "a denied path in other words",
    "CVE-2021-29492",
    [
      ...["/admin", "/admin?x", "/app/../admin", "/app/%2E./admin", "/app\\..\\admin", "//admin"],
      ...["/%2Fadmin", "/%2fapp%5c..%5cadmin", "/app//../../admin", "/./admin", "/%61dmin"],
      ...["/admin%00", "/admin#x", "/x#/../admin"],
    ].map(to),
  ),
  around(
    "a denied path with parameters",
    "CVE-2026-73511",
    [
      ...[
        "/admin;x",
        "/public/..;/admin",
        "/.;/admin",
        "/;/admin",
        "/;a=b/admin;c",
        "/x/..;y/admin",
      ],
    ].map(to),
  ),
  around("a denied path by other methods", "attack table: method override", [
    head("HEAD /admin HTTP/1.1"),
    head("POST /admin HTTP/1.1", ["Content-Length: 0", "X-HTTP-Method-Override: GET"]),
    head("GET /admin HTTP/1.1", ["Upgrade: websocket", "Connection: upgrade"]),
    head("GET http://b/admin HTTP/1.1"),
    "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
  ]),
  around("a denied role among others", "CVE-2026-26308", [
    having("X-Role: admin"),
    having("X-Role: user", "X-Role: admin"),
    having("X-Role: admin", "x-role: user"),
    having("X-Role: user,admin"),
    having("X-Role: user , admin"),
    having("X-Role: admin,"),
  ]),
  around("blanks around a denied role", "CVE-2019-18802", [
    having("X-Role: admin "),
    having("X-Role:\tadmin\t"),
    having("X-Role:admin"),
    having("X-Role: admin\0"),
    having("X-Role: user,\tadmin \t"),
  ]),
  around(
    "a denied host in other words",
    "CVE-2021-39155",
    [...["secret.svc", "SECRET.svc", "secret.svc:80", "secret.svc.", "Secret.SVC.:8080"]].map(
      (host) => head("GET / HTTP/1.1", [], host),
    ),
  ),
  around("bytes that no pattern reads", "CVE-2026-73552", [
    having("X-Letters: \xff"),
    having("X-Letters: abc\x80"),
    having("X-Letters: \xc3\x28"),
    having("X-Letters: abc", "X-Letters: \xfe"),
  ]),
  {
    name: "denied streams between others, HTTP/2",
    source: "attack table: policy for each stream",
    verdict: "50 refused, 50 served",
    run: async (arena, spent) => {
      const attacker = await Attacker.openHttp2(arena.ports.listeners.guarded, spent);
      const roles: readonly (readonly Field[])[] = [
        [],
        [
          ["x-role", "user"],
          ["x-role", "admin"],
        ],
      ];
      const heads = Array.from({ length: 100 }, (_, i) =>
        get(2 * i + 1, "/neighbour", roles[i % 2]),
      );
      await attacker.send(...heads);
      await attacker.sees(/^END /, heads.length);
      await attacker.leave();
      const served = arena.origin.seen.filter(({ line }) => line === "GET /neighbour").length;
      return `${attacker.count(/^END /) - served} refused, ${served} served`;
    },
  },
];
