/** A control plane's TLS port with an authority of the test's own, in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { VirtualClock } from "../../src/base/clock.ts";
import { CircuitService } from "../../src/control/circuits/circuit-service.ts";
import type { SecureOptions } from "../../src/control/running-control.ts";
import { AdsService } from "../../src/control/server/ads-service.ts";
import { SecureControl } from "../../src/control/server/secure/secure-control.ts";
import type { WorkloadIdentity } from "../../src/identity/workload-identity.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { socketAddress } from "../../src/model/address.ts";
import { type Answer, askForCertificate, type Question } from "./certificate-caller.ts";
import { SettableSource } from "./settable-source.ts";

export interface AuthorityScene {
  readonly control: SecureControl;
  readonly caDir: string;
  readonly clock: VirtualClock;
  readonly source: SettableSource;
  /** Whose pods there are, by `NS/POD`. */
  readonly pods: Map<string, WorkloadIdentity>;
  readonly registry: Registry;
  /** Lines of the audit log, parsed. */
  readonly audit: Record<string, unknown>[];
  /** Asks on this scene's port, with its roots. */
  ask(question?: Partial<Question>): Promise<Answer>;
  /** The control plane again, on the same folder. */
  restart(options?: Partial<SecureOptions>): Promise<AuthorityScene>;
}

/** Its clock stands at the machine's own time, because TLS asks the machine. */
export async function authorityScene(
  options: Partial<SecureOptions> = {},
  clock: VirtualClock = new VirtualClock(Date.now()),
): Promise<AuthorityScene> {
  const caDir = options.caDir ?? temporaryFolder();
  const source = new SettableSource();
  const registry = new Registry();
  const pods = new Map<string, WorkloadIdentity>();
  const audit: Record<string, unknown>[] = [];
  const ads = new AdsService({ source, clock });
  const circuits = new CircuitService({ source, clock });
  const control = await SecureControl.open({
    address: socketAddress("127.0.0.1", 0),
    audit: (line) => audit.push(JSON.parse(line)),
    trustNames: { trustDomain: "cluster.local", aliases: [] },
    clock,
    registry,
    streams: [ads, circuits],
    ownerOf: (namespace, pod) => pods.get(`${namespace}/${pod}`),
    ...options,
    caDir,
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    ads.end();
    circuits.end();
    stopped ??= control.stop();
    return stopped;
  };
  onTestFinished(stop);
  return {
    control,
    caDir,
    clock,
    source,
    pods,
    registry,
    audit,
    ask: (question = {}) =>
      askForCertificate({ address: control.address, roots: control.bundle.roots, ...question }),
    restart: async (others = {}) => {
      await stop();
      return authorityScene({ ...options, ...others, caDir }, clock);
    },
  };
}

/** Removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "outrigger-ca-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
