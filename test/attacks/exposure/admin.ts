import { ask, type Question } from "../../support/ask.ts";
import type { Arena } from "../arena/arena.ts";
import type { Attack } from "../arena/attack.ts";
import { HTML_NAME } from "../arena/proxy-config.ts";
import { Attacker } from "../wire/attacker.ts";
import { block, headers } from "../wire/frames.ts";

/** A request to the admin server itself: its status, and the proxy must live on. */
function admin(
  name: string,
  source: string,
  verdict: string,
  path: string,
  question: (arena: Arena) => Question,
): Attack {
  return {
    name,
    source,
    verdict,
    run: async (arena, spent) => {
      spent.connections++;
      spent.bytes += path.length;
      const { status } = await ask(arena.admin, path, question(arena));
      const { status: alive } = await ask(arena.admin, "/ready");
      return alive === 200 ? `${status}` : `${status}, and it has gone`;
    },
  };
}

const post =
  (more: Readonly<Record<string, string>> = {}) =>
  (): Question => ({
    method: "POST",
    headers: more,
  });

const QUIT = "/quitquitquit";
const REBINDING = "DNS rebinding";
const FORGERY = "CSRF";

/** Through a listener: it ends at a route, never at the admin server. */
function through(name: string, verdict: RegExp, text: (arena: Arena) => string): Attack {
  return {
    name,
    source: "CVE-2024-40632",
    verdict,
    forwarded: 1,
    run: async (arena, spent) => {
      const attacker = await Attacker.open(arena.ports.listeners.plain, spent);
      await attacker.send(text(arena));
      const verdict = await attacker.verdict();
      await attacker.leave();
      const { status: alive } = await ask(arena.admin, "/ready");
      return alive === 200 ? verdict : "the proxy has quit";
    },
  };
}

const PAGES: readonly string[] = [
  "/",
  "/clusters",
  "/clusters?format=json",
  "/config_dump",
  "/config_dump?include_eds",
  "/help",
  "/listeners",
  "/server_info",
  "/stats",
  "/stats?format=json",
  "/stats/prometheus",
  `/${HTML_NAME}`,
  `/stats?filter=${encodeURIComponent(HTML_NAME)}`,
  `/stats?format=${encodeURIComponent(HTML_NAME)}`,
  `/stats?filter=${encodeURIComponent(`(${HTML_NAME}`)}`,
  `/clusters?filter=${encodeURIComponent(`(${HTML_NAME}`)}`,
];

const EXPRESSIONS: readonly string[] = [
  "(a+)+$",
  "(.*a){25}",
  "((a{0,100}){0,100}){0,100}",
  `${"(".repeat(2000)}a${")".repeat(2000)}`,
  "(x+x+)+y",
  "[\\pL]{1000}",
];

export const ADMIN: readonly Attack[] = [
  admin("another's host name", REBINDING, "403", "/config_dump", () => ({
    headers: { host: "evil.example" },
  })),
  admin("a host name that begins like ours", REBINDING, "403", "/stats", () => ({
    headers: { host: "127.0.0.1.evil.example" },
  })),
  admin("POST from another site", FORGERY, "403", QUIT, post({ origin: "http://evil.example" })),
  admin("POST from a page without origin", FORGERY, "403", QUIT, post({ origin: "null" })),
  admin("POST by a link", FORGERY, "405", QUIT, () => ({})),
  admin("POST to a path that leads back", "path confusion", "404", `/stats/..${QUIT}`, post()),
  admin("POST to a path with two slashes", "path confusion", "404", `/${QUIT}`, post()),
  admin("POST to an encoded path", "path confusion", "404", "/quit%71uitquit", post()),
  admin("a whole URL", "request smuggling", "404", `http://evil.example${QUIT}`, post()),
  admin("a head of 20 KiB", "CVE-2018-12121", "431", "/", () => ({
    headers: { "x-large": "x".repeat(20_000) },
  })),
  admin("a body that is too long", "row 97", "413", "/stats", () => ({
    headers: { "content-length": "1000000" },
  })),
  through(
    "CONNECT to it",
    /^(?:40[0345]|503)$/,
    ({ ports }) => `CONNECT 127.0.0.1:${ports.admin} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`,
  ),
  through(
    "its URL, by way of a listener",
    /^200$/,
    ({ ports }) =>
      `POST http://127.0.0.1:${ports.admin}${QUIT} HTTP/1.1\r\n` +
      "host: a\r\ncontent-length: 0\r\n\r\n",
  ),
  {
    name: "CONNECT to it, over HTTP/2",
    source: "CVE-2026-73547",
    verdict: /^(?:nothing|RST_STREAM .*)$/,
    run: async (arena, spent) => {
      const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
      const fields = block([
        [":method", "CONNECT"],
        [":authority", `127.0.0.1:${arena.ports.admin}`],
      ]);
      await attacker.send(headers(1, fields, false));
      await attacker.sees(/^(?:HEADERS|RST_STREAM) /);
      const tunnel = attacker.count("END 1") === 0 && attacker.count(/^RST/) === 0;
      await attacker.leave();
      return tunnel ? "a tunnel" : "nothing";
    },
  },
  {
    name: "HTML in names and questions",
    source: "CVE-2026-73546",
    verdict: "harmless",
    run: async (arena, spent) => {
      spent.connections = PAGES.length;
      const wrong: string[] = [];
      for (const path of PAGES) {
        const { body, headers: fields } = await ask(arena.admin, encodeURI(path));
        const html = fields["content-type"]?.includes("html") === true;
        const guarded =
          fields["x-content-type-options"] === "nosniff" &&
          fields["content-security-policy"] === "default-src 'none'";
        if (!guarded || (html && body.includes("<img"))) wrong.push(path);
      }
      return wrong.length === 0 ? "harmless" : wrong.join();
    },
  },
  {
    name: "expressions that take for ever, as filters",
    source: "ReDoS",
    verdict: /^(?:200|400)(?:,(?:200|400))*$/,
    run: async (arena, spent) => {
      spent.connections = EXPRESSIONS.length;
      const statuses: number[] = [];
      for (const expression of EXPRESSIONS) {
        const path = `/stats?filter=${encodeURIComponent(expression)}`;
        statuses.push((await ask(arena.admin, path)).status);
      }
      return statuses.join();
    },
  },
];
