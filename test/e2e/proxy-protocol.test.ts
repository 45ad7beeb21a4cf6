/** PROXY protocol between us and programs that others use it with: HAProxy and nginx. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority } from "../support/certificates.ts";
import { eventually, freePort } from "../support/envoy-process.ts";
import { mortal } from "../support/mortal.ts";
import { Peer } from "../support/peer.ts";
import { type ProxySetup, startSetup, staticCluster } from "../support/proxy-setup.ts";
import { describeWith, tool } from "../support/tools.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
/** Whom nobody takes for the proxy itself. */
const CLIENT = "127.0.0.9";

const BACKS = ["haproxy", "nginx", "nginxTls"] as const;
const VERSIONS = ["V1", "V2"] as const;

type Ports = Readonly<Record<"front1" | "front2" | "in1" | "in2" | (typeof BACKS)[number], number>>;

/** In front of us, in both versions, the second with additions; and behind us. */
function haproxyConfig(ports: Ports): string {
  const answer = "%[src] %[src_port] %[dst] %[dst_port]";
  const more = "proxy-v2-options crc32c,unique-id,authority";
  return `
global
  maxconn 100
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front1
  mode tcp
  bind 127.0.0.1:${ports.front1}
  server us 127.0.0.1:${ports.in1} send-proxy
listen front2
  mode tcp
  bind 127.0.0.1:${ports.front2}
  unique-id-format %[uuid()]
  server us 127.0.0.1:${ports.in2} send-proxy-v2 ${more}
frontend back
  mode http
  bind 127.0.0.1:${ports.haproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "${answer}"
`;
}

function nginxConfig(ports: Ports, folder: string): string {
  const names = ["addr", "port", "server_addr", "server_port"];
  const answer = names.map((name) => `$proxy_protocol_${name}`).join(" ");
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${ports.nginx} proxy_protocol;
    listen 127.0.0.1:${ports.nginxTls} ssl proxy_protocol;
    ssl_certificate ${folder}/s.crt;
    ssl_certificate_key ${folder}/s.key;
    location / { return 200 "${answer}"; }
  }
}
`;
}

/** A cluster that says for whom its connections are; `tls`: and then speaks TLS. */
function namedCluster(name: string, port: number, version: string, tls: boolean): unknown {
  const inner = tls
    ? { name: "tls", typed_config: typed("transport_sockets.tls.v3.UpstreamTlsContext") }
    : { name: "raw", typed_config: typed("transport_sockets.raw_buffer.v3.RawBuffer") };
  const typed_config = {
    ...typed("transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"),
    config: { version },
    transport_socket: inner,
  };
  return staticCluster(name, [port], { transport_socket: { name: "proxied", typed_config } });
}

function typed(name: string): { readonly "@type": string } {
  return { "@type": `${EXTENSIONS}.${name}` };
}

/** A TCP proxy that believes whoever comes with a header. */
function listener(name: string, port: number, cluster: string): unknown {
  const filter = {
    ...typed("filters.listener.proxy_protocol.v3.ProxyProtocol"),
    allow_requests_without_proxy_protocol: true,
  };
  const tcp = { ...typed("filters.network.tcp_proxy.v3.TcpProxy"), stat_prefix: name, cluster };
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    listener_filters: [{ name: "proxy", typed_config: filter }],
    filter_chains: [{ filters: [{ name: "tcp", typed_config: tcp }] }],
  };
}

describeWith(["haproxy", "nginx"], "PROXY protocol with other programs", () => {
  let folder: string;
  let ports: Ports;
  let setup: ProxySetup;
  const programs: ChildProcess[] = [];

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "proxy-protocol-"));
    const authority = await TestAuthority.create();
    const { chain, key } = await authority.issue({ name: "s" });
    fs.writeFileSync(path.join(folder, "s.crt"), chain);
    fs.writeFileSync(path.join(folder, "s.key"), key);
    const names = ["front1", "front2", "in1", "in2", ...BACKS];
    const entries = await Promise.all(names.map(async (name) => [name, await freePort()] as const));
    ports = Object.fromEntries(entries) as Ports;
    start("haproxy", "-f", config("haproxy.cfg", haproxyConfig(ports)), "-db");
    start("nginx", "-p", folder, "-c", config("nginx.conf", nginxConfig(ports, folder)));
    const ways = BACKS.flatMap((back) => VERSIONS.map((version) => ({ back, version })));
    setup = await startSetup(
      [
        listener("front1", ports.in1, "haproxy V1"),
        listener("front2", ports.in2, "nginx V2"),
        ...ways.map(({ back, version }) => listener(`${back} ${version}`, 0, `${back} ${version}`)),
      ],
      ways.map(({ back, version }) =>
        namedCluster(`${back} ${version}`, ports[back], version, back === "nginxTls"),
      ),
    );
    for (const name of names) await eventually(`${name} listens`, () => listens(ports, name));
  });

  afterAll(async () => {
    await setup?.stop();
    for (const program of programs) {
      program.kill("SIGTERM");
      if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
    }
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function config(name: string, text: string): string {
    const file = path.join(folder, name);
    fs.writeFileSync(file, text);
    return file;
  }

  function start(name: "haproxy" | "nginx", ...args: string[]): void {
    programs.push(spawn(...mortal(tool(name), args), { stdio: "ignore" }));
  }

  /** Whom the last of the programs takes for the client, and for what that has reached. */
  async function ask(port: number): Promise<{ readonly said: string; readonly expected: string }> {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: CLIENT });
    await once(socket, "connect");
    const client = new Peer(socket);
    const expected = `${CLIENT} ${socket.localPort} 127.0.0.1 ${port}`;
    client.sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const { body } = await client.receivesResponse();
    client.closes();
    return { said: body, expected };
  }

  describe.each(BACKS)("towards %s", (back) => {
    it.each(VERSIONS)("%s names the client", async (version) => {
      const { expected, said } = await ask(setup.port(`${back} ${version}`));
      expect(said).toBe(expected);
    });
  });

  it.each(["front1", "front2"] as const)(
    "from HAProxy's %s, the client is who it was",
    async (front) => {
      const { expected, said } = await ask(ports[front]);
      expect(said).toBe(expected);
    },
  );

  it("has found headers of both versions", () => {
    const stats = setup.proxy.telemetry.proxyProtocol("");
    expect(stats.value("v1", "found")).toBeGreaterThan(0);
    expect(stats.value("v2", "found")).toBeGreaterThan(0);
    expect(stats.value("v1", "error") + stats.value("v2", "error")).toBe(0);
  });
});

function listens(ports: Ports, name: string): Promise<boolean> {
  const socket = net.connect(ports[name as keyof Ports], "127.0.0.1");
  return new Promise((resolve) => {
    const settle = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
