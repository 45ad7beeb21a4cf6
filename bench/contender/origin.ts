/** The server behind all of them: one nginx, on as many addresses as it plays endpoints. */
import { tool } from "../../test/support/tools.ts";
import type { Stage } from "../stage.ts";
import { freePort } from "../tool/running.ts";

export interface Origin {
  /** HTTP/1.1: 100 bytes of JSON at `/`, N bytes at `/bytes/N` for the sizes asked for. */
  readonly port: number;
  /** HTTP/2 with prior knowledge: the same, and one gRPC message with its status at `/grpc`. */
  readonly http2Port: number;
  /** HTTP/1.1 on every address of this machine, and so on millions of 127.0.0.0/8. */
  readonly anywherePort: number;
}

const ADDRESSES = 10;
const BODY = JSON.stringify({ hello: "world", pad: "x".repeat(70) });

/** Not compressed, its length, its 16 bytes (gRPC over HTTP/2, Length-Prefixed-Message). */
export const GRPC_MESSAGE: Buffer = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 16]),
  Buffer.from("\x0a\x0ehello, origin!", "latin1"),
]);

function everywhere(port: number, options: string): string {
  const last = Array.from({ length: ADDRESSES }, (_, index) => index + 1);
  return last.map((number) => `listen 127.0.0.${number}:${port} ${options};`).join(" ");
}

function config({ port, http2Port, anywherePort }: Origin): string {
  return `
    worker_processes 1; worker_rlimit_nofile 20000; daemon off; pid origin.pid; error_log stderr;
    events { worker_connections 16384; }
    http {
      access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
      sendfile on; open_file_cache max=16; http2_max_concurrent_streams 1024;
      server {
        ${everywhere(port, "backlog=4096")}
        ${everywhere(http2Port, "http2")}
        listen 0.0.0.0:${anywherePort} backlog=4096;
        location / { default_type application/json; return 200 '${BODY}'; }
        location /bytes/ { root .; }
        location /grpc { error_page 405 =200 /answer.grpc; return 405; }
        location = /answer.grpc {
          internal; root .; default_type application/grpc; types {}
          add_trailer grpc-status 0 always;
        }
      }
    }`;
}

/** @param sizes Of the bodies that it serves. */
export async function startOrigin(stage: Stage, sizes: readonly number[] = []): Promise<Origin> {
  const origin = {
    port: await freePort(),
    http2Port: await freePort(),
    anywherePort: await freePort(),
  };
  for (const bytes of sizes) stage.write(`bytes/${bytes}`, Buffer.alloc(bytes, "x"));
  stage.write("answer.grpc", GRPC_MESSAGE);
  const file = stage.write("origin.conf", config(origin));
  await stage.run("origin", origin.port, [tool("nginx"), "-p", stage.folder, "-c", file]);
  return origin;
}
