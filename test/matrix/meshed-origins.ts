import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { startControl } from "../../src/control/main.ts";
import type { RunningControl } from "../../src/control/running-control.ts";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/envoy-process.ts";
import { Ledger } from "../support/ledger/ledger.ts";
import { LedgerOrigin } from "../support/ledger/origin/origin.ts";
import { podsOfMesh } from "../support/mesh.ts";
import { type RunningSidecar, startProxySidecar } from "../support/proxy-sidecar.ts";
import type { MatrixPolicy } from "./policies.ts";

const FIRST_CLIENT = 19;
const PORT = 8080;
const FIRST_POD = 2;

/** How large a mesh. */
export interface MeshSize {
  /** Of the one service; default 10. */
  readonly endpoints?: number;
  /** Each with a sidecar of its own; default 1. */
  readonly clients?: number;
}

/** Where a client sends, and as whose request. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
}

/** A service of some endpoints that write all they do into one ledger, and clients' sidecars. */
export class MeshedOrigins {
  readonly ledger: Ledger = new Ledger();
  readonly origins: LedgerOrigin[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "outrigger-matrix-"));
  #control: RunningControl | undefined;
  readonly #sidecars: RunningSidecar[] = [];

  static async start(policy: MatrixPolicy, size: MeshSize = {}): Promise<MeshedOrigins> {
    const mesh = new MeshedOrigins();
    try {
      await mesh.#begin(policy, size);
    } catch (error) {
      await mesh.stop();
      throw error;
    }
    return mesh;
  }

  /** Of the client of this number. */
  door(client = 0): Door {
    return { host: addressOf(client), port: 15001, authority: `ratings:${PORT}` };
  }

  /** What a client's sidecar counts. */
  async metrics(client = 0): Promise<string> {
    const address = socketAddress(addressOf(client), 15020);
    return (await ask(address, "/stats/prometheus")).body;
  }

  async stop(): Promise<void> {
    for (const sidecar of this.#sidecars) await sidecar.stop();
    await this.#control?.stop();
    for (const origin of this.origins) await origin.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #begin(policy: MatrixPolicy, { clients = 1, endpoints = 10 }: MeshSize): Promise<void> {
    writeFileSync(join(this.#folder, "mesh.yaml"), meshText(policy, endpoints));
    const loopback = socketAddress("127.0.0.1", 0);
    const paths = [this.#folder];
    const started = await startControl({ paths, adsAddress: loopback, httpAddress: loopback });
    if (started.kind === "refused") throw new Error(JSON.stringify(started.diagnostics));
    const { control } = started;
    this.#control = control;
    const pods = podsOfMesh(control.mesh).map((pod, index) => ({
      ...pod,
      address: `127.0.46.${FIRST_POD + index}`,
    }));
    for (const { address, name } of pods) {
      const ports = { http1: PORT };
      const options = { ledger: this.ledger, name, host: address, ports };
      this.origins.push(await LedgerOrigin.start(options));
    }
    control.setPods(pods);
    for (let client = 0; client < clients; client++)
      await this.#connect(client, control.adsAddress);
  }

  async #connect(client: number, ads: SocketAddress): Promise<void> {
    const sidecar = startProxySidecar({
      pod: `client-${client}`,
      workload: "client",
      serviceAccount: "default",
      namespace: "default",
      address: addressOf(client),
      mode: "explicit",
      labels: { app: "client" },
      ads,
    });
    this.#sidecars.push(sidecar);
    try {
      await eventually("the sidecar serves", () => this.#serves(client));
    } catch (error) {
      throw new Error(`${String(error)}\n${sidecar.log()}`);
    }
  }

  async #serves(client: number): Promise<boolean> {
    const { authority, host, port } = this.door(client);
    const headers = { host: authority, "x-ledger-reply-bytes": "1" };
    const answer = await ask(socketAddress(host, port), "/", { headers }).catch(() => undefined);
    return answer?.status === 200;
  }
}

function addressOf(client: number): string {
  return `127.0.0.${FIRST_CLIENT + client}`;
}

function meshText({ annotations = {}, yaml }: MatrixPolicy, endpoints: number): string {
  const labels = { app: "ratings" };
  const container = { name: "app", image: "app", ports: [{ containerPort: PORT }] };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "ratings", annotations },
    spec: { selector: labels, ports: [{ name: "http", port: PORT }] },
  };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "ratings" },
    spec: {
      replicas: endpoints,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
  return [stringify(service), stringify(deployment), yaml].join("---\n");
}
