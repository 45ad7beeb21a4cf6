/** The proxies that are measured, each with one worker and the same features on. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findTool, type ToolName } from "../test/support/tools.ts";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const OUTRIGGER = path.join(HERE, "../dist/cli/main.js");

/** Ports on loopback: where the proxy listens, and where the origin does on two addresses. */
export interface Ports {
  readonly listen: number;
  readonly origin: number;
}

export interface Contender {
  readonly name: string;
  readonly version: string;
  readonly program: string;
  /** Written to a file of its own, whose path `args` gets. */
  readonly config: (ports: Ports) => string;
  readonly configName: string;
  readonly args: (configFile: string) => readonly string[];
}

function sharedYaml({ listen, origin }: Ports): string {
  return fs
    .readFileSync(path.join(HERE, "one-hop.yaml"), "utf8")
    .replaceAll("port_value: 10000", `port_value: ${listen}`)
    .replaceAll("port_value: 10001", `port_value: ${origin}`);
}

function nginxProxy({ listen, origin }: Ports): string {
  return `
    worker_processes 1; daemon off; pid nginx.pid; error_log stderr;
    events { worker_connections 4096; }
    http {
      access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
      upstream origin {
        server 127.0.0.1:${origin}; server 127.0.0.2:${origin};
        keepalive 256; keepalive_requests 100000000;
      }
      server {
        listen 127.0.0.1:${listen};
        location /other { proxy_pass http://origin; }
        location / { proxy_pass http://origin; }
        proxy_http_version 1.1; proxy_next_upstream error timeout; proxy_next_upstream_tries 3;
        proxy_set_header Connection ""; proxy_set_header X-Request-Id $request_id;
        proxy_read_timeout 15s;
      }
    }`;
}

/** The server behind all of them. */
export function originConfig(port: number): string {
  const body = JSON.stringify({ hello: "world", pad: "x".repeat(70) });
  return `
    worker_processes 1; daemon off; pid origin.pid; error_log stderr;
    events { worker_connections 4096; }
    http {
      access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
      server {
        listen 127.0.0.1:${port}; listen 127.0.0.2:${port};
        location / { default_type application/json; return 200 '${body}'; }
      }
    }`;
}

function haproxy({ listen, origin }: Ports): string {
  return `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 15s
  retries 2
  http-reuse always
frontend in
  bind 127.0.0.1:${listen}
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header x-request-id
  use_backend origin if { path_beg /other }
  default_backend origin
backend origin
  balance roundrobin
  server one 127.0.0.1:${origin} maxconn 4096
  server two 127.0.0.2:${origin} maxconn 4096
`;
}

/** The first version number in what `program --flag` prints, on either stream. */
function versionOf(program: string, flag: string): string {
  const text = execFileSync("/bin/sh", ["-c", '"$0" "$1" 2>&1', program, flag], {
    encoding: "utf8",
  });
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? "";
}

function installed(
  name: ToolName,
  flag: string,
  rest: Omit<Contender, "name" | "version" | "program">,
): Contender[] {
  const program = findTool(name);
  if (program === undefined) return [];
  return [{ name, version: versionOf(program, flag), program, ...rest }];
}

function outrigger(): Contender {
  return {
    name: "outrigger",
    version: JSON.parse(fs.readFileSync(path.join(HERE, "../package.json"), "utf8")).version,
    program: process.execPath,
    config: sharedYaml,
    configName: "outrigger.yaml",
    args: (file) => [OUTRIGGER, "proxy", "-c", file],
  };
}

/** In the order in which a round measures them. What is not installed is left out. */
export function contenders(): Contender[] {
  return [
    ...installed("envoy", "--version", {
      config: sharedYaml,
      configName: "envoy.yaml",
      args: (file) => [
        "-c",
        file,
        "--concurrency",
        "1",
        "--log-level",
        "error",
        "--use-dynamic-base-id",
      ],
    }),
    outrigger(),
    ...installed("nginx", "-v", {
      config: nginxProxy,
      configName: "nginx.conf",
      args: (file) => ["-p", path.dirname(file), "-c", file],
    }),
    ...installed("haproxy", "-v", {
      config: haproxy,
      configName: "haproxy.cfg",
      args: (file) => ["-f", file],
    }),
  ];
}
