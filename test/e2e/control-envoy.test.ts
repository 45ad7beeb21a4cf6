import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished, vi } from "vitest";
import { startControl } from "../../src/control/main.ts";
import type { RunningControl } from "../../src/control/running-control.ts";
import { formatAddress, socketAddress } from "../../src/model/address.ts";
import type { Pod } from "../../src/model/mesh.ts";
import { type RunningEnvoy, startEnvoySidecar } from "../support/envoy-sidecar.ts";
import { podsOfMesh } from "../support/mesh.ts";
import { describeWith } from "../support/tools.ts";

const CLIENT = "127.0.0.9";
const GOLDEN = ["actions", "dialects", "protocols", "weights"];

function testdata(name: string): string {
  return fileURLToPath(new URL(`../../src/control/testdata/${name}.yaml`, import.meta.url));
}

async function controlOf(name: string): Promise<RunningControl> {
  const loopback = socketAddress("127.0.0.1", 0);
  const addresses = { adsAddress: loopback, httpAddress: loopback };
  const start = await startControl({ paths: [testdata(name)], ...addresses, watch: false });
  if (start.kind === "refused") throw new Error(JSON.stringify(start.diagnostics));
  onTestFinished(() => start.control.stop());
  start.control.setPods(podsOnLoopback(start.control));
  return start.control;
}

/** Where an Envoy can listen for them. */
function podsOnLoopback(control: RunningControl): Pod[] {
  return podsOfMesh(control.mesh).map((pod, index) => ({
    ...pod,
    address: `127.0.44.${index + 2}`,
  }));
}

async function envoyOf(
  control: RunningControl,
  mode: "intercept" | "explicit",
  pod: Pick<Pod, "name" | "address"> = { name: "client", address: CLIENT },
): Promise<RunningEnvoy> {
  const envoy = await startEnvoySidecar({
    pod: pod.name,
    namespace: "default",
    address: pod.address,
    labels: { app: "client" },
    serviceAccount: "default",
    workload: "client",
    mode,
    ads: control.adsAddress,
  });
  onTestFinished(() => envoy.stop());
  return envoy;
}

/** Through the explicit proxy, as an app with `http_proxy` sends it. */
function ask(url: string): Promise<{ status: number; location: string; body: string }> {
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: CLIENT, port: 15001, path: url, headers: { host } };
    const sent = request(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, location: headers.location ?? "", body });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

async function synced(control: RunningControl): Promise<void> {
  await vi.waitFor(
    () => {
      const [row] = control.status();
      expect(row?.program).toBe("envoy");
      expect(row?.resources.map(({ rejection }) => rejection).filter(Boolean)).toEqual([]);
      expect(row?.resources.length).toBeGreaterThan(2);
      expect(row?.synced).toBe(true);
    },
    { timeout: 30_000 },
  );
}

describeWith(["envoy"], "a real Envoy at our control plane", () => {
  it.each(
    GOLDEN.flatMap((name) => (["intercept", "explicit"] as const).map((mode) => ({ name, mode }))),
  )("takes over everything of $name in $mode mode", async ({ name, mode }) => {
    const control = await controlOf(name);
    const [pod] = podsOnLoopback(control);
    const envoy = await envoyOf(control, mode, pod);
    await synced(control);
    const stats = await (await fetch(`${envoy.admin}/stats?filter=update_rejected`)).text();
    const rejected = stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"));
    expect(rejected, envoy.log()).toEqual([]);
  });

  it("takes over the listeners of a pod with an IPv6 address", async () => {
    const control = await controlOf("protocols");
    const pods = podsOnLoopback(control).map((pod, index) => {
      return { ...pod, ipv6Address: `fd00::${index + 2}` };
    });
    control.setPods(pods);
    const envoy = await envoyOf(control, "intercept", pods[0]);
    await synced(control);
    const listeners = await (await fetch(`${envoy.admin}/listeners`)).text();
    expect(listeners, envoy.log()).toContain("virtualInbound_ipv6::[::]:15006");
    expect(listeners).toContain("virtualOutbound_ipv6::[::]:15001");
  });

  it("is counted under Istio's names", async () => {
    const control = await controlOf("weights");
    await envoyOf(control, "explicit");
    await synced(control);
    const url = `http://${formatAddress(control.httpAddress)}/metrics`;
    const metrics = await (await fetch(url)).text();
    expect(metrics).toContain("pilot_xds 1");
    for (const type of ["cds", "eds", "lds", "rds"]) {
      expect(metrics).toMatch(new RegExp(`pilot_xds_pushes{type="${type}"} [1-9]`));
      expect(metrics).toContain(`pilot_total_xds_rejects{type="${type}"} 0`);
    }
    control.setPods([]);
    await vi.waitFor(async () => {
      const after = await (await fetch(url)).text();
      expect(after).toContain("pilot_proxy_convergence_time_count 1");
    }, 30_000);
  });

  it("answers as the VirtualService says", async () => {
    const control = await controlOf("actions");
    await envoyOf(control, "explicit");
    await synced(control);
    expect(await ask("http://web/health?deep=true")).toMatchObject({ status: 200, body: "fine" });
    expect(await ask("http://web/old/thing")).toMatchObject({
      status: 308,
      location: "http://web.example.com/new",
    });
    expect(await ask("http://web/")).toMatchObject({ status: 503 });
  });

  it("answers 500 for the share of a backend that does not exist", async () => {
    const control = await controlOf("dialects");
    await envoyOf(control, "explicit");
    await synced(control);
    const counts = new Map<number, number>();
    for (let sent = 0; sent < 200; sent++) {
      const { status } = await ask("http://shop/");
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([500, 503]);
    expect(counts.get(500)).toBeGreaterThan(20);
    expect(counts.get(500)).toBeLessThan(90);
  });
});
