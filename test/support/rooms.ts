/** The floors of the house as a table: imports only go down. */

/** Room → rooms that it may import besides itself. A room that is missing here is an error. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  breaker: [],
  codec: ["base"],
  metrics: ["base"],
  identity: ["base"],
  model: ["base"],
  api: ["base", "model"],
  "dialects/kubernetes": ["base", "model"],
  "dialects/istio": ["base", "model", "dialects", "dialects/kubernetes"],
  "dialects/linkerd": ["base", "model", "dialects", "dialects/kubernetes"],
  "dialects/outrigger": ["base", "model", "dialects", "dialects/kubernetes"],
  "dialects/smi": ["base", "model", "dialects", "dialects/kubernetes"],
  "dialects/gateway-api": ["base", "model", "dialects", "dialects/kubernetes"],
  dialects: ["base", "model", "dialects/kubernetes"],
  xds: ["base", "codec", "model", "gen"],
  agent: ["base", "metrics", "identity", "model", "xds", "gen"],
  control: ["base", "codec", "metrics", "identity", "model", "api", "xds", "dialects/*"],
  proxy: ["base", "breaker", "codec", "metrics", "identity", "model", "api", "xds"],
  up: [
    "base",
    "codec",
    "metrics",
    "identity",
    "model",
    "api",
    "xds",
    "dialects/*",
    "agent",
    "control",
    "proxy",
  ],
  verify: [
    "base",
    "codec",
    "metrics",
    "model",
    "api",
    "xds",
    "dialects/*",
    "control",
    "proxy",
    "up",
  ],
  cli: [
    "base",
    "metrics",
    "identity",
    "model",
    "api",
    "xds",
    "dialects/*",
    "agent",
    "control",
    "proxy",
    "up",
    "verify",
  ],
};

/** `src/dialects/istio/x.ts` → `dialects/istio`; `src/proxy/route/x.ts` → `proxy`. */
export function roomOf(name: string): string | undefined {
  const [top, room, next = ""] = name.split("/");
  if (top !== "src" || room === undefined) return undefined;
  return room === "dialects" && !next.endsWith(".ts") ? `${room}/${next}` : room;
}

/** Whether a file of one room may import a file of another. */
export function isAllowed(from: string, to: string): boolean {
  if (from === to) return true;
  const allowed = MAY_IMPORT[from];
  if (allowed === undefined) return false;
  return allowed.includes(to) || (allowed.includes("dialects/*") && to.startsWith("dialects"));
}
