import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { startControl } from "../../src/control/main.ts";
import type { RunningControl } from "../../src/control/running-control.ts";
import { socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/envoy-process.ts";
import { Ledger } from "../support/ledger/ledger.ts";
import { LedgerOrigin } from "../support/ledger/origin/origin.ts";
import { podsOfMesh } from "../support/mesh.ts";
import { startProxySidecar } from "../support/proxy-sidecar.ts";
import type { MatrixPolicy } from "./policies.ts";

const CLIENT_ADDRESS = "127.0.0.19";
const PORT = 8080;
const FIRST_POD = 2;

/** A service of some endpoints that write all they do into one ledger, and a client's sidecar. */
export class MeshedOrigins {
  readonly ledger: Ledger = new Ledger();
  readonly origins: LedgerOrigin[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "outrigger-matrix-"));
  #control: RunningControl | undefined;
  #sidecar: ReturnType<typeof startProxySidecar> | undefined;

  static async start(policy: MatrixPolicy, endpoints = 10): Promise<MeshedOrigins> {
    const mesh = new MeshedOrigins();
    try {
      await mesh.#begin(policy, endpoints);
    } catch (error) {
      await mesh.stop();
      throw error;
    }
    return mesh;
  }

  /** Where the client sends, and as whose request. */
  get door(): { readonly host: string; readonly port: number; readonly authority: string } {
    return { host: CLIENT_ADDRESS, port: 15001, authority: `ratings:${PORT}` };
  }

  /** The sidecar's metrics. */
  async metrics(): Promise<string> {
    const address = socketAddress(CLIENT_ADDRESS, 15020);
    return (await ask(address, "/stats/prometheus")).body;
  }

  async stop(): Promise<void> {
    await this.#sidecar?.stop();
    await this.#control?.stop();
    for (const origin of this.origins) await origin.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #begin(policy: MatrixPolicy, endpoints: number): Promise<void> {
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
    const sidecar = startProxySidecar({
      pod: "client",
      workload: "client",
      serviceAccount: "default",
      namespace: "default",
      address: CLIENT_ADDRESS,
      mode: "explicit",
      labels: { app: "client" },
      ads: control.adsAddress,
    });
    this.#sidecar = sidecar;
    try {
      await eventually("the sidecar serves", () => this.#serves());
    } catch (error) {
      throw new Error(`${String(error)}\n${sidecar.log()}`);
    }
  }

  async #serves(): Promise<boolean> {
    const { authority, host, port } = this.door;
    const headers = { host: authority, "x-ledger-reply-bytes": "1" };
    const answer = await ask(socketAddress(host, port), "/", { headers }).catch(() => undefined);
    return answer?.status === 200;
  }
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
