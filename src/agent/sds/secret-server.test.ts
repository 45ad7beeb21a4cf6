import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../gen/envoy/service/secret/v3/sds_pb.js";
import { Registry } from "../../metrics/registry.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { decodeResource } from "../../xds/resource.ts";
import { Outbox } from "../../xds/stream/outbox.ts";
import { WorkloadSecrets } from "../workload-secrets.ts";
import { type SecretServer, type SecretServerOptions, startSecretServer } from "./secret-server.ts";

let folder: string;
let path: string;
let secrets: WorkloadSecrets;
let registry: Registry;
let notices: string[];
let servers: SecretServer[];
let streams: Asking[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-sds-"));
  path = join(folder, "uds", "socket");
  secrets = new WorkloadSecrets();
  secrets.setTrust({ roots: "roots 1", lists: "", domains: undefined });
  secrets.setCertificate("chain 1", "key 1");
  registry = new Registry();
  notices = [];
  servers = [];
  streams = [];
});

afterEach(async () => {
  for (const stream of streams) stream.close();
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function serve(options: Partial<SecretServerOptions> = {}): Promise<SecretServer> {
  const socket = { path, group: undefined };
  const onNotice = (notice: string): number => notices.push(notice);
  const server = await startSecretServer({ socket, secrets, registry, onNotice, ...options });
  servers.push(server);
  return server;
}

function client(): Client<typeof SecretDiscoveryService> {
  const nodeOptions = { path } as object;
  return createClient(
    SecretDiscoveryService,
    createGrpcTransport({ baseUrl: "http://localhost", nodeOptions }),
  );
}

/** One stream, as an Envoy has it for each secret. */
class Asking {
  readonly #outbox = new Outbox<DiscoveryRequest>();
  readonly #abort = new AbortController();
  readonly #responses: AsyncIterator<DiscoveryResponse>;
  #names: string[];

  constructor(...names: string[]) {
    this.#names = names;
    const options = { signal: this.#abort.signal };
    const responses = client().streamSecrets(this.#outbox.drain(), options);
    this.#responses = responses[Symbol.asyncIterator]();
    streams.push(this);
    this.say({});
  }

  say(request: { versionInfo?: string; responseNonce?: string; message?: string }): void {
    const { message, ...rest } = request;
    const errorDetail = message === undefined ? {} : { errorDetail: { code: 3, message } };
    const resourceNames = this.#names;
    this.#outbox.put(create(DiscoveryRequestSchema, { ...rest, resourceNames, ...errorDetail }));
  }

  rename(...names: string[]): void {
    this.#names = names;
  }

  async next(): Promise<DiscoveryResponse> {
    const { value, done } = await this.#responses.next();
    if (done === true) throw new Error("the stream has ended");
    return value;
  }

  accept({ versionInfo, nonce }: DiscoveryResponse): void {
    this.say({ versionInfo, responseNonce: nonce });
  }

  refuse({ nonce }: DiscoveryResponse, message: string): void {
    this.say({ responseNonce: nonce, message });
  }

  close(): void {
    this.#outbox.end();
    this.#abort.abort();
  }
}

/** Name → the text in it: a chain, or roots. */
function told({ resources }: DiscoveryResponse): Record<string, string> {
  return Object.fromEntries(
    resources.map(({ value }) => {
      const { model } = decodeResource("secret", value);
      if (model === undefined) throw new Error("no secret");
      const source =
        model.kind === "certificate"
          ? model.certificate.certificateChain
          : model.validation.trustedCa;
      return [model.name, source?.kind === "inline" ? source.text : ""];
    }),
  );
}

function metric(name: string): number {
  const lines = [...renderPrometheus(registry)].join("").split("\n");
  return Number(
    lines
      .find((line) => line.startsWith(name))
      ?.split(" ")
      .at(-1),
  );
}

describe("the stream", () => {
  it("has each secret that is asked for, and every later one", async () => {
    await serve();
    const stream = new Asking("default");
    const first = await stream.next();
    expect(told(first)).toEqual({ default: "chain 1" });
    expect(first.typeUrl).toMatch(/tls\.v3\.Secret$/);
    stream.accept(first);
    secrets.setCertificate("chain 2", "key 2");
    const second = await stream.next();
    expect(told(second)).toEqual({ default: "chain 2" });
    expect([second.versionInfo, second.nonce]).not.toContain(first.versionInfo);
    expect(second.nonce).not.toBe(first.nonce);
    expect(metric("outrigger_agent_sds_pushes_total")).toBe(2);
    expect(metric("outrigger_agent_sds_streams")).toBe(1);
  });

  it("waits until there is one", async () => {
    secrets = new WorkloadSecrets();
    await serve();
    const stream = new Asking("default");
    const response = stream.next();
    // Whoever is answered after it on the same server shows that the question has arrived.
    await client().fetchSecrets({ resourceNames: [] });
    secrets.setCertificate("chain 1", "key 1");
    expect(told(await response)).toEqual({ default: "chain 1" });
  });

  it("has both of them for who asks for both, and later only what changed", async () => {
    await serve();
    const stream = new Asking("default", "ROOTCA");
    const first = await stream.next();
    expect(told(first)).toEqual({ default: "chain 1", ROOTCA: "roots 1" });
    stream.accept(first);
    secrets.setTrust({ roots: "roots 2", lists: "", domains: undefined });
    expect(told(await stream.next())).toEqual({ ROOTCA: "roots 2" });
  });

  it("does not send again what was refused, and sends what comes next", async () => {
    await serve();
    const stream = new Asking("default");
    const first = await stream.next();
    stream.refuse(first, "bad key\nin it");
    secrets.setTrust({ roots: "roots 2", lists: "", domains: undefined });
    secrets.setCertificate("chain 3", "key 3");
    expect(told(await stream.next())).toEqual({ default: "chain 3" });
    expect(metric("outrigger_agent_sds_rejections_total")).toBe(1);
    expect(notices).toEqual(['an Envoy refused a secret: "bad key\\nin it"']);
  });

  it("leaves out what nobody has, and counts it", async () => {
    await serve();
    const stream = new Asking("default", "kubernetes://other", "file-root:/etc/shadow");
    const first = await stream.next();
    expect(told(first)).toEqual({ default: "chain 1" });
    stream.accept(first);
    secrets.setCertificate("chain 2", "key 2");
    expect(told(await stream.next())).toEqual({ default: "chain 2" });
    expect(metric("outrigger_agent_sds_unknown_names_total")).toBe(2);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain("kubernetes://other");
  });

  it("shows no key in a version", async () => {
    await serve();
    const stream = new Asking("default");
    const { versionInfo } = await stream.next();
    secrets = new WorkloadSecrets();
    secrets.setCertificate("chain 1", "another key");
    path = join(folder, "other", "socket");
    await serve({ registry: new Registry(), secrets });
    expect((await new Asking("default").next()).versionInfo).toBe(versionInfo);
  });

  it("ends where one names more than anybody has", async () => {
    await serve();
    const names = Array.from({ length: 101 }, (_, i) => `name ${i}`);
    const failed = await new Asking(...names).next().catch(ConnectError.from);
    expect(failed).toMatchObject({ code: Code.ResourceExhausted });
  });

  it("is forgotten when its Envoy is gone", async () => {
    await serve();
    const stream = new Asking("default");
    await stream.next();
    stream.close();
    await expect.poll(() => metric("outrigger_agent_sds_streams")).toBe(0);
  });
});

describe("a single question", () => {
  it("is answered with what there is of the names", async () => {
    await serve();
    const response = await client().fetchSecrets({ resourceNames: ["ROOTCA", "other"] });
    expect(told(response)).toEqual({ ROOTCA: "roots 1" });
  });
});

describe("the socket", () => {
  const rights = (of: string): string => (statSync(of).mode & 0o777).toString(8);

  it("is its owner's alone, in a folder that is its owner's alone", async () => {
    await serve();
    expect([rights(path), rights(join(folder, "uds"))]).toEqual(["600", "700"]);
    expect(readdirSync(join(folder, "uds"))).toEqual(["socket"]);
  });

  it("is a group's too where one is named", async () => {
    const group = process.getgid?.() ?? 0;
    await serve({ socket: { path, group } });
    expect([rights(path), rights(join(folder, "uds"))]).toEqual(["660", "750"]);
    expect(statSync(path).gid).toBe(group);
  });

  it("in a folder that others may write to is told of", async () => {
    mkdirSync(join(folder, "uds"), { mode: 0o700 });
    await serve();
    expect(notices).toEqual([]);
    path = join(folder, "open", "socket");
    mkdirSync(join(folder, "open"));
    chmodSync(join(folder, "open"), 0o777);
    await serve({ registry: new Registry(), socket: { path, group: undefined } });
    expect(notices[0]).toContain("may be written to by others");
  });

  it("takes a predecessor's place in one step, and goes with its own agent alone", async () => {
    const first = await serve();
    const second = await serve({ registry: new Registry() });
    await first.stop();
    expect(told(await new Asking("ROOTCA").next())).toEqual({ ROOTCA: "roots 1" });
    for (const stream of streams) stream.close();
    await second.stop();
    expect(readdirSync(join(folder, "uds"))).toEqual([]);
  });

  it("does not take the place of a file", async () => {
    mkdirSync(join(folder, "uds"));
    writeFileSync(path, "precious");
    await expect(serve()).rejects.toThrow(`${path} is there, and no socket`);
  });

  it("of too long a path is an error", async () => {
    path = join(folder, "x".repeat(100), "socket");
    await expect(serve()).rejects.toThrow("too long a path for a socket");
  });

  it("outlives a connection that speaks no HTTP/2", async () => {
    await serve();
    const socket = net.connect({ path }).resume();
    socket.on("error", () => undefined);
    socket.write("GARBAGE".repeat(100));
    await once(socket, "close");
    expect(told(await new Asking("ROOTCA").next())).toEqual({ ROOTCA: "roots 1" });
  });
});
