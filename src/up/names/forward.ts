import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import type { Forward } from "./responder.ts";

const TIMEOUT_MS = 2000;
const PORT = 53;

/** Asks the host's own resolvers, one after the other. */
export function forwardTo(servers: readonly string[]): Forward {
  return async (query) => {
    for (const server of servers) {
      const reply = await ask(server, query).catch(() => undefined);
      if (reply !== undefined) return reply;
    }
    throw new Error("no resolver answered");
  };
}

/** The `nameserver` lines of a resolv.conf; none where there is no such file. */
export function hostResolvers(file = "/etc/resolv.conf"): string[] {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(/^\s*nameserver\s+([^\s#;]+)/gm)].map((match) => match[1] ?? "");
}

function ask(server: string, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const finish = (settle: () => void): void => {
      signal.onabort = null;
      socket.close();
      settle();
    };
    signal.onabort = () => finish(() => reject(new Error(`${server} did not answer`)));
    socket.on("error", (error) => finish(() => reject(error)));
    // Connected, so that only the server's own datagrams come in.
    socket.connect(PORT, server, () => socket.send(query));
    socket.once("message", (reply) => finish(() => resolve(reply)));
  });
}
