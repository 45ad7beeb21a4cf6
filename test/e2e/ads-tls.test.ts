/** The configuration's way over TLS: who is believed, what is shown, and what a rotation does. */
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonGeneralName } from "@peculiar/x509";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WorkloadSecrets } from "../../src/agent/workload-secrets.ts";
import { systemClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { AdsService } from "../../src/control/server/ads-service.ts";
import {
  type SecureServer,
  startSecureServer,
} from "../../src/control/server/secure/secure-server.ts";
import { socketAddress } from "../../src/model/address.ts";
import type { ProxyConfig } from "../../src/model/bootstrap.ts";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { ConfigClient } from "../../src/proxy/config-client.ts";
import { TestAuthority } from "../support/certificates.ts";
import { eventually } from "../support/envoy-process.ts";
import { oneClusterSnapshot } from "../support/sample-snapshot.ts";
import { SettableSource } from "../support/settable-source.ts";

const IDENTITY = "spiffe://cluster.local/ns/default/sa/reviews";
const HOUR_MS = 3_600_000;
const SERVER_NAMES: readonly JsonGeneralName[] = [{ type: "dns", value: "istiod.mesh" }];
const TLS = "envoy.extensions.transport_sockets.tls.v3";

let folder: string;
let authority: TestAuthority;
let source: SettableSource;
let service: AdsService;
let server: SecureServer;
let client: ConfigClient | undefined;
let configs: ProxyConfig[];
let notices: string[];
/** The serial numbers of the certificates that were shown, a connection each. */
let shown: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-ads-"));
  authority = await TestAuthority.create();
  source = new SettableSource();
  source.set(oneClusterSnapshot("1", 8080, "a", [9001]));
  [configs, notices, shown, client] = [[], [], [], undefined];
  service = new AdsService({ source, clock: systemClock });
  await serve(0);
});

afterEach(async () => {
  client?.stop();
  service.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(port: number): Promise<void> {
  const { chain, key } = await authority.issue({ sans: SERVER_NAMES });
  server = await startSecureServer({
    address: socketAddress("127.0.0.1", port),
    identity: { chain, key, roots: authority.pem },
    rules: {
      isOwnTrustDomain: (name) => name === "cluster.local",
      isRevoked: (serial) => {
        shown.push(serial);
        return false;
      },
    },
    onRefused: (reason) => notices.push(reason),
    register: (router) => service.register(router),
  });
}

/** A workload's certificate with its key, PEM. */
async function certificateOf(signer: TestAuthority = authority): Promise<Pair> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const now = Date.now();
  const life = { notBefore: now - HOUR_MS, notAfter: now + HOUR_MS };
  const chain = await signer.certify(spki, [{ type: "url", value: IDENTITY }], life);
  return { chain, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

interface Pair {
  readonly chain: string;
  readonly key: string;
}

function serialOf({ chain }: Pair): string {
  return new X509Certificate(chain).serialNumber.toLowerCase().replace(/^0+/, "");
}

/** The bootstrap's ADS cluster with this TLS. Throws with every problem of it. */
function start(common: object, more: { sni?: string; secrets?: WorkloadSecrets } = {}): void {
  const { address } = server;
  const socket = { address: address.host, port_value: address.port };
  const endpoint = { endpoint: { address: { socket_address: socket } } };
  const ads = { ads: {}, resource_api_version: "V3" };
  const grpc = { envoy_grpc: { cluster_name: "xds-grpc" } };
  const cluster = {
    name: "xds-grpc",
    type: "STATIC",
    load_assignment: { cluster_name: "xds-grpc", endpoints: [{ lb_endpoints: [endpoint] }] },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": `type.googleapis.com/${TLS}.UpstreamTlsContext`,
        common_tls_context: common,
        ...(more.sni === undefined ? {} : { sni: more.sni }),
      },
    },
  };
  const text = JSON.stringify({
    node: { id: "sidecar~1" },
    dynamic_resources: {
      ads_config: { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { clusters: [cluster] },
  });
  const { bootstrap, diagnostics } = readBootstrap(text, "bootstrap.json");
  if (bootstrap?.ads === undefined) {
    throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  }
  const options = {
    ...{ bootstrap, clock: systemClock, random: new SeededRandom(1) },
    localSecrets: more.secrets,
    onConfig: (config: ProxyConfig) => configs.push(config),
    onNotice: (notice: string) => notices.push(notice),
  };
  client = new ConfigClient(options, bootstrap.ads);
  client.start();
}

const FROM_AGENT = {
  tls_certificate_sds_secret_configs: [secret("default")],
  combined_validation_context: {
    default_validation_context: {
      match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "istiod.mesh" } }],
    },
    validation_context_sds_secret_config: secret("ROOTCA"),
  },
};

function secret(name: string): object {
  const grpc = { envoy_grpc: { cluster_name: "sds-grpc" } };
  return {
    name,
    sds_config: {
      resource_api_version: "V3",
      api_config_source: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [grpc],
      },
    },
  };
}

function portOf(config: ProxyConfig | undefined): number {
  const [endpoint] = config?.endpoints[0]?.localities[0]?.endpoints ?? [];
  return endpoint?.address.kind === "socket" ? endpoint.address.port : 0;
}

async function reaches(port: number): Promise<void> {
  await eventually(`endpoint ${port}`, async () => portOf(configs.at(-1)) === port);
}

async function isTold(words: string): Promise<void> {
  await eventually(words, async () => notices.some((notice) => notice.includes(words)));
}

describe("by an agent's secrets", () => {
  let secrets: WorkloadSecrets;
  beforeEach(() => {
    secrets = new WorkloadSecrets();
    secrets.setTrust({ roots: authority.pem, lists: "", domains: undefined });
  });

  it("the control plane is asked once there is a certificate", async () => {
    start(FROM_AGENT, { secrets });
    await isTold("secret default has not come yet; the control plane is asked when it has");
    expect(shown).toEqual([]);
    const pair = await certificateOf();
    secrets.setCertificate(pair.chain, pair.key);
    await reaches(9001);
    expect(shown).toEqual([serialOf(pair)]);
  });

  it("thirty rotations show each new certificate, and no configuration is lost", async () => {
    const first = await certificateOf();
    secrets.setCertificate(first.chain, first.key);
    start(FROM_AGENT, { secrets });
    await reaches(9001);
    const [listener] = configs[0]?.listeners ?? [];
    const serials = [serialOf(first)];
    for (let turn = 1; turn <= 30; turn++) {
      const pair = await certificateOf();
      serials.push(serialOf(pair));
      secrets.setCertificate(pair.chain, pair.key);
      await eventually(`certificate ${turn}`, async () => shown.includes(serialOf(pair)));
      source.set(oneClusterSnapshot(`${turn + 1}`, 8080, "a", [9001 + turn]));
      await reaches(9001 + turn);
    }
    expect(shown).toEqual(serials);
    expect(configs.at(-1)?.listeners[0]).toEqual(listener);
    expect(configs.every(({ listeners }) => listeners.length === 1)).toBe(true);
    expect(notices.filter((notice) => notice.includes("lost"))).toEqual([]);
  });

  it("another root is believed as soon as it is there", async () => {
    const first = await certificateOf();
    secrets.setCertificate(first.chain, first.key);
    start(FROM_AGENT, { secrets });
    await reaches(9001);
    const { port } = server.address;
    await server.stop();
    const next = await TestAuthority.create("next");
    const before = authority;
    authority = next;
    await serve(port);
    await isTold("self-signed certificate");
    secrets.setTrust({ roots: before.pem + next.pem, lists: "", domains: undefined });
    const pair = await certificateOf();
    secrets.setCertificate(pair.chain, pair.key);
    source.set(oneClusterSnapshot("2", 8080, "a", [9002]));
    await reaches(9002);
    expect(shown.at(-1)).toBe(serialOf(pair));
  });

  it("a server with another name is not believed", async () => {
    const pair = await certificateOf();
    secrets.setCertificate(pair.chain, pair.key);
    const other = [{ san_type: "DNS", matcher: { exact: "istiod.other" } }];
    const usual = { match_typed_subject_alt_names: other };
    const combined = FROM_AGENT.combined_validation_context;
    const validation = { ...combined, default_validation_context: usual };
    start({ ...FROM_AGENT, combined_validation_context: validation }, { secrets });
    await isTold("has none of the names that are expected");
    expect(configs).toEqual([]);
  });
});

describe("by files", () => {
  it("the certificate is shown, and another one when they change", async () => {
    const file = (name: string): string => join(folder, name);
    const write = ({ chain, key }: Pair): void => {
      writeFileSync(file("key.pem"), key);
      writeFileSync(file("chain.pem"), chain);
    };
    const first = await certificateOf();
    write(first);
    writeFileSync(file("root.pem"), authority.pem);
    const certificate = {
      certificate_chain: { filename: file("chain.pem") },
      private_key: { filename: file("key.pem") },
    };
    start({
      tls_certificates: [certificate],
      validation_context: { trusted_ca: { filename: file("root.pem") } },
    });
    await reaches(9001);
    const second = await certificateOf();
    write(second);
    await eventually("the second", async () => shown.at(-1) === serialOf(second));
    source.set(oneClusterSnapshot("2", 8080, "a", [9002]));
    await reaches(9002);
    expect(shown).toEqual([serialOf(first), serialOf(second)]);
  });

  it("that are not there are told of", async () => {
    start({ validation_context: { trusted_ca: { filename: join(folder, "none.pem") } } });
    await isTold("none.pem does not exist");
  });
});

describe("from texts in the bootstrap", () => {
  it("the roots are enough where no certificate is to be shown", async () => {
    const trusted = { trusted_ca: { inline_string: authority.pem } };
    start({ validation_context: trusted }, { sni: "istiod.mesh" });
    await reaches(9001);
    expect(shown).toEqual([]);
  });

  it("a server that others vouch for is not believed", async () => {
    const others = await TestAuthority.create("others");
    start({ validation_context: { trusted_ca: { inline_string: others.pem } } });
    await isTold("self-signed certificate");
    expect(configs).toEqual([]);
  });
});

describe("refused is a bootstrap whose way to the control plane", () => {
  const trusted = { trusted_ca: { inline_string: "x" } };
  const ads = { name: "a", sds_config: { ads: {}, resource_api_version: "V3" } };
  it.each([
    { common: {}, says: "trusts nobody" },
    {
      common: { validation_context: { ...trusted, trust_chain_verification: "ACCEPT_UNTRUSTED" } },
      says: "accepts anybody",
    },
    {
      common: { validation_context: { ...trusted, verify_certificate_hash: ["a".repeat(64)] } },
      says: "pins certificates",
    },
    {
      common: { validation_context: trusted, tls_certificate_sds_secret_configs: [ads] },
      says: "needs a secret that only ADS itself could bring",
    },
  ])("$says", ({ common, says }) => {
    expect(() => start(common)).toThrow(says);
  });
});
