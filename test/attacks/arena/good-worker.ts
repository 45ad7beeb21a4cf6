/** The thread of the good clients and of the origin that they ask: nobody else holds them up. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort } from "node:worker_threads";
import { GoodClients, type GoodRequests } from "./good-clients.ts";

/** What the thread is told; each is answered by one `Said` in turn. */
export type Told =
  | { readonly kind: "start"; readonly port: number }
  | { readonly kind: "take" | "round" | "stop" };

export interface Said {
  /** Where the origin listens. */
  readonly port?: number;
  readonly requests?: GoodRequests | undefined;
}

const server = createServer((request, response) => {
  request.resume();
  response.end("good");
});
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1");
await once(server, "listening");
let clients: GoodClients | undefined;

async function act(told: Told): Promise<Said> {
  if (told.kind === "start") clients = await GoodClients.start(told.port);
  else if (told.kind === "round") await clients?.anotherRound();
  else if (told.kind === "take") return { requests: clients?.take() };
  else {
    await clients?.stop();
    server.close();
    server.closeAllConnections();
    parentPort?.removeAllListeners("message");
  }
  return {};
}

function say(said: Said): void {
  parentPort?.postMessage(said);
}

parentPort?.on("message", (told: Told) => void act(told).then(say));
say({ port: (server.address() as AddressInfo).port });
