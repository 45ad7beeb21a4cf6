/** Certificates and roots that change under load, as an agent sends them: no request may notice. */
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { startWorkers, type WorkersProxy } from "../../src/proxy/worker/start.ts";
import { AllLoads, freePorts, type ListenPorts, resourcesOf } from "../support/all-loads.ts";
import { ask } from "../support/ask.ts";
import { TestAuthority } from "../support/certificates.ts";
import { Ledger } from "../support/ledger/ledger.ts";
import { LedgerOrigin } from "../support/ledger/origin/origin.ts";
import { expectNoneFailed, toLine } from "../support/ledger/verdict.ts";
import { running } from "../support/one-hop.ts";
import { HeldSecrets, ownSecret, rootSecret, tlsSocket } from "../support/secret-scene.ts";

const ROTATIONS = 30;
/** Of each protocol. */
const CLIENTS = 4;
/** Each third of them comes with other roots. */
const ROOTS_EVERY = 3;

let ledger: Ledger;
let origin: LedgerOrigin;

beforeEach(async () => {
  ledger = new Ledger();
  origin = await LedgerOrigin.start({ ledger, name: "one" });
});

afterEach(async () => await origin.stop());

/** A sidecar and the agent that has its secrets. */
interface Sidecar {
  readonly proxy: WorkersProxy;
  readonly agent: HeldSecrets;
}

interface SidecarOptions {
  readonly side: "inbound" | "outbound";
  readonly ports: ListenPorts;
  /** Where its clusters lead. */
  readonly to: ListenPorts;
  readonly agent: HeldSecrets;
  readonly workers: number;
  readonly carrying: boolean;
}

async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { agent, carrying, ports, side, to, workers } = options;
  const outbound = side === "outbound";
  const cluster = outbound ? { transport_socket: tlsSocket("Upstream", {}) } : {};
  const origins = [{ ports: to } as LedgerOrigin];
  const variant = { name: side, origins, otherRoutes: 0, serverName: side, cluster };
  const { clusters, listeners } = resourcesOf(variant, ports);
  const terminated = listeners.map((listener) => {
    const { filter_chains, ...rest } = listener as { filter_chains: object[] };
    const mutual = tlsSocket("Downstream", { require_client_certificate: true });
    return {
      ...rest,
      filter_chains: filter_chains.map((chain) => ({ ...chain, transport_socket: mutual })),
    };
  });
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  const static_resources = { listeners: outbound ? listeners : terminated, clusters };
  const { bootstrap, diagnostics } = readBootstrap(
    JSON.stringify({ admin, static_resources }),
    `${side}.json`,
  );
  if (bootstrap === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const proxy = await startWorkers({ bootstrap, carrying, localSecrets: agent }, workers);
  running.push({ stop: () => proxy.stop(0) });
  return { proxy, agent };
}

/** Every worker has done what it was told before. */
async function heard(sidecars: readonly Sidecar[]): Promise<void> {
  for (const { proxy } of sidecars) await proxy.fleet.clusters();
}

class Rotation {
  readonly #sidecars: readonly Sidecar[];
  #authority: TestAuthority;
  #turn = 0;

  constructor(sidecars: readonly Sidecar[], authority: TestAuthority) {
    this.#sidecars = sidecars;
    this.#authority = authority;
  }

  /** The common name that is shown now. */
  get name(): string {
    return `turn ${this.#turn}`;
  }

  async leaves(): Promise<void> {
    this.#turn++;
    for (const { agent } of this.#sidecars) {
      agent.put(ownSecret(await this.#authority.issue({ name: this.name })));
    }
    await heard(this.#sidecars);
  }

  /** The next authority's leaves are shown once everybody believes it, too. */
  async roots(between: () => Promise<void>): Promise<void> {
    const before = this.#authority;
    this.#authority = await TestAuthority.create(`authority of turn ${this.#turn}`);
    await this.#believe(before, this.#authority);
    await between();
    await this.leaves();
    await between();
    await this.#believe(this.#authority);
  }

  async #believe(...authorities: readonly TestAuthority[]): Promise<void> {
    for (const { agent } of this.#sidecars) agent.put(rootSecret("", ...authorities));
    await heard(this.#sidecars);
  }
}

/** The common name in the certificate that a server shows. */
function shownAt(port: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.subject);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

async function page({ proxy }: Sidecar, path: string): Promise<string> {
  if (proxy.admin.address === undefined) throw new Error("there is no admin server");
  return (await ask(proxy.admin.address, path)).body;
}

describe.each([1, 2])("two sidecars with %s worker(s)", (workers) => {
  it.each([false, true])(
    `no request of ${ROTATIONS} rotations fails, carried: %s`,
    async (carrying) => {
      const [ports, inner] = [await freePorts(), await freePorts()];
      const authority = await TestAuthority.create();
      const agents = [new HeldSecrets(), new HeldSecrets()] as const;
      for (const agent of agents) {
        agent.put(ownSecret(await authority.issue({ name: "turn 0" })));
        agent.put(rootSecret("", authority));
      }
      const common = { workers, carrying };
      const inbound = await startSidecar({
        ...{ ...common, side: "inbound", ports: inner, to: origin.ports, agent: agents[0] },
      });
      const outbound = await startSidecar({
        ...{ ...common, side: "outbound", ports, to: inner, agent: agents[1] },
      });
      const rotation = new Rotation([inbound, outbound], authority);
      const loads = AllLoads.startClosed(ports, CLIENTS);
      const between = (): Promise<void> => loads.more(3);
      await between();
      for (let turn = 1; turn <= ROTATIONS; turn++) {
        if (turn % ROOTS_EVERY === 0) await rotation.roots(between);
        else await rotation.leaves();
        await between();
      }
      const verdict = await loads.stop(ledger);
      expectNoneFailed(verdict);
      expect(verdict.sent).toBeGreaterThan(5 * 3 * ROTATIONS);
      expect(await shownAt(inner.http1)).toBe(`CN=${rotation.name}`);
      const stats = await page(inbound, "/stats?filter=connection_error|fail_verify|sds.default");
      expect(stats).toContain(`sds.default.update_success: ${ROTATIONS + 1}\n`);
      expect(stats).not.toMatch(/ssl\.fail_verify_error: [1-9]/);
      console.info(`${workers} worker(s), carried: ${carrying}: ${toLine(verdict)}`);
    },
    240_000,
  );
});
