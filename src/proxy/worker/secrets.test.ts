import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { httpListener } from "../../../test/support/proxy-setup.ts";
import { tlsSocket } from "../../../test/support/secret-scene.ts";
import { startWorkersSetup, type WorkersSetup } from "../../../test/support/workers-setup.ts";

const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const CLIENTS = 8;

let folder: string;
let authority: TestAuthority;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "worker-secrets-"));
  authority = await TestAuthority.create();
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: object): void {
  const response = { resources: [{ "@type": SECRET, ...content }] };
  writeFileSync(path.join(folder, "new"), JSON.stringify(response));
  renameSync(path.join(folder, "new"), path.join(folder, name));
}

async function show(name: string): Promise<void> {
  const { chain, key } = await authority.issue({ name });
  const tls_certificate = {
    certificate_chain: { inline_string: chain },
    private_key: { inline_string: key },
  };
  write("secret.json", { name: "default", tls_certificate });
}

async function start(): Promise<WorkersSetup> {
  const { filter_chains, ...listener } = httpListener({ routes: [] }) as {
    filter_chains: object[];
  };
  const source = { path_config_source: { path: path.join(folder, "secret.json") } };
  const { typed_config } = tlsSocket("Downstream", {}, source) as {
    typed_config: { common_tls_context: object; "@type": string };
  };
  const { "@type": type, common_tls_context } = typed_config;
  const common = { ...common_tls_context, validation_context_sds_secret_config: undefined };
  const transport_socket = {
    name: "tls",
    typed_config: { "@type": type, common_tls_context: common },
  };
  const chains = filter_chains.map((chain) => ({ ...chain, transport_socket }));
  return await startWorkersSetup([{ ...listener, filter_chains: chains }], []);
}

/** Whom so many clients are shown, each once; the kernel spreads them over the workers. */
async function shown(setup: WorkersSetup): Promise<string[]> {
  const names = new Set<string>();
  for (let client = 0; client < CLIENTS; client++) {
    const port = setup.port();
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    names.add(socket.getPeerX509Certificate()?.subject ?? "");
    socket.destroy();
  }
  return [...names];
}

it("every worker has the secrets, their renewals, and what a successor needs", async () => {
  await show("first");
  const setup = await start();
  expect(await shown(setup)).toEqual(["CN=first"]);
  await show("second");
  await expect.poll(() => shown(setup)).toEqual(["CN=second"]);
  const [dying] = setup.proxy.fleet.threads;
  await dying?.terminate();
  const succeeded = (): boolean => {
    const [first] = setup.proxy.fleet.threads;
    return first !== dying && first?.state === "serving";
  };
  await expect.poll(succeeded, { timeout: 20_000 }).toBe(true);
  expect(await shown(setup)).toEqual(["CN=second"]);
  const certs = JSON.parse(await setup.page("/certs")) as { certificates: object[] };
  expect(certs.certificates).toHaveLength(1);
});
