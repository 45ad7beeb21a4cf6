/** Names whose DNS server flaps under load: what was known last goes on to serve. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { AdsScene, snapshotOf } from "../support/ads-scene.ts";
import { AllLoads, freePorts, resourcesOf } from "../support/all-loads.ts";
import { eventually } from "../support/envoy-process.ts";
import { type DnsTurn, FlappingDns } from "../support/flapping-dns.ts";
import { Ledger } from "../support/ledger/ledger.ts";
import { LedgerOrigin } from "../support/ledger/origin/origin.ts";
import { expectNoneFailed } from "../support/ledger/verdict.ts";

const NAME = "origin.test";
const ONE = "127.0.0.1";
const TWO = "127.0.0.2";
const CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3";

let ledger: Ledger;
let origins: LedgerOrigin[];
let dns: FlappingDns;
let scene: AdsScene | undefined;

beforeEach(async () => {
  ledger = new Ledger();
  const one = await LedgerOrigin.start({ ledger, name: "one", host: ONE });
  const two = await LedgerOrigin.start({ ledger, name: "two", host: TWO, ports: one.ports });
  origins = [one, two];
  dns = await FlappingDns.listen([[ONE, TWO]]);
});

afterEach(async () => {
  await scene?.stop();
  scene = undefined;
  dns.stop();
  for (const origin of origins) await origin.stop();
});

/** The name in the place of the address. */
function byName(cluster: unknown): object {
  const { load_assignment } = cluster as { readonly load_assignment: unknown };
  const text = JSON.stringify(load_assignment).replaceAll(`"${ONE}"`, `"${NAME}"`);
  return { load_assignment: JSON.parse(text) as unknown };
}

/** Both origins by one name, which is asked for all the time. */
async function startLoads(): Promise<AllLoads> {
  const { host, port } = dns.address;
  const resolver = {
    "@type": `${CARES}.CaresDnsResolverConfig`,
    resolvers: [{ socket_address: { address: host, port_value: port } }],
  };
  const cluster = {
    type: "STRICT_DNS",
    dns_lookup_family: "V4_ONLY",
    dns_refresh_rate: "0.02s",
    dns_failure_refresh_rate: { base_interval: "0.01s", max_interval: "0.02s" },
    typed_dns_resolver_config: { name: "cares", typed_config: resolver },
  };
  const ports = await freePorts();
  const one = origins.slice(0, 1);
  const variant = { name: "named", origins: one, otherRoutes: 0, serverName: "s", cluster };
  const { listeners, clusters } = resourcesOf(variant, ports);
  const named = clusters.map((each) => ({ ...(each as object), ...byName(each) }));
  scene = await AdsScene.start("outrigger", snapshotOf("1", listeners, named));
  return AllLoads.start(ports);
}

const FAILING: readonly DnsTurn[] = ["NXDOMAIN", "SERVFAIL", [], "nonsense"];

it("serves on while the server says that there is no such name, or nothing of use", async () => {
  const loads = await startLoads();
  await loads.more(5);
  dns.turn(FAILING);
  await eventually("it has been asked often", async () => dns.questions > 60);
  await loads.more(10);
  expectNoneFailed(await loads.stop(ledger));
  for (const { name } of origins) expect(ledger.executedBy(name)).toBeGreaterThan(10);
});

it("serves on while the server is silent", async () => {
  const loads = await startLoads();
  await loads.more(5);
  dns.turn(["silence"]);
  await eventually("it has been asked", async () => dns.questions > 3);
  await loads.more(40);
  expectNoneFailed(await loads.stop(ledger));
});

it("follows addresses that come and go, and comes back from failures", async () => {
  const loads = await startLoads();
  await loads.more(5);
  dns.turn([[ONE], "SERVFAIL", [TWO], [], [ONE, TWO], "NXDOMAIN"]);
  await eventually("it has been asked often", async () => dns.questions > 120);
  dns.turn([[TWO]]);
  await eventually("the last answer is known", async () => dns.questions > 12);
  await loads.more(5);
  expectNoneFailed(await loads.stop(ledger));
  for (const { name } of origins) expect(ledger.executedBy(name)).toBeGreaterThan(20);
});
