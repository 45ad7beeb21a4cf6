import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { PROMETHEUS_CONTENT_TYPE, renderPrometheus } from "../../metrics/text-format.ts";
import { formatAddress, type SocketAddress } from "../../model/address.ts";
import type { RunningAgent } from "./running-agent.ts";

const TEXT = "text/plain; charset=utf-8";

/** `/metrics`, and `/healthz/ready`: is there a certificate? Rejects where it cannot listen. */
export function servePages(agent: RunningAgent, address: SocketAddress): Promise<void> {
  const server = createServer((request, response) => answer(agent, request, response));
  return new Promise((resolve, reject) => {
    const refuse = ({ message }: Error): void => {
      reject(new Error(`${formatAddress(address)}: ${message}`));
    };
    server.once("error", refuse);
    server.listen(address.port, address.host, () => {
      // From here on an error concerns one connection.
      server.removeListener("error", refuse).on("error", () => {});
      resolve();
    });
  });
}

function answer(
  agent: RunningAgent,
  { method, url = "" }: IncomingMessage,
  response: ServerResponse,
): void {
  const send = (status: number, body: string, type: string = TEXT): void => {
    response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" });
    response.end(method === "HEAD" ? undefined : body);
  };
  const path = url.split("?")[0];
  if (method !== "GET" && method !== "HEAD") send(405, "only GET and HEAD are answered\n");
  else if (path === "/metrics") {
    send(200, [...renderPrometheus(agent.registry)].join(""), PROMETHEUS_CONTENT_TYPE);
  } else if (path !== "/healthz/ready") {
    send(404, "no such page; there are /metrics /healthz/ready\n");
  } else if (agent.held === undefined) send(503, "no certificate yet\n");
  else send(200, "ok\n");
}
