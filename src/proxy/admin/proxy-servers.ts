import { type Address, formatAddress } from "../../model/address.ts";
import type { Bootstrap } from "../../model/bootstrap.ts";
import type { HeldSocket } from "../graceful/inheritance.ts";
import { startAdmin } from "./admin-server.ts";
import { startPodServers } from "./pod-servers.ts";
import { adminSourceOf, type ProxyParts } from "./proxy-source.ts";

export interface RunningAdmin {
  /** Undefined where the bootstrap has no admin address. */
  readonly address: Address | undefined;
  /** Metrics and health on the pod's own address; empty without. */
  readonly metrics: readonly Address[];
  readonly health: Address | undefined;
  /** What they listen with. */
  readonly held: readonly HeldSocket[];
  close(): Promise<void>;
}

/** Where the bootstrap wants them. */
export function adminAddresses({ admin, pod }: Bootstrap): readonly string[] {
  return [admin, ...(pod?.metrics ?? []), pod?.health].flatMap((address) =>
    address === undefined ? [] : [formatAddress(address)],
  );
}

/** The servers that the bootstrap asks for. Rejects where one cannot listen; then none does. */
export async function startAdminServers(parts: ProxyParts): Promise<RunningAdmin> {
  const { admin, pod } = parts.bootstrap;
  const { adminToken, inherited } = parts;
  const source = adminSourceOf(parts);
  const options = { inherited, token: adminToken };
  const adminServer = admin === undefined ? undefined : await startAdmin(admin, source, options);
  try {
    const podServers =
      pod === undefined ? undefined : await startPodServers(pod, source, inherited);
    return {
      address: adminServer?.address,
      metrics: podServers?.address.metrics ?? [],
      health: podServers?.address.health,
      held: [...(adminServer?.held ?? []), ...(podServers?.held ?? [])],
      close: async () => {
        await Promise.all([adminServer?.close(), podServers?.close()]);
      },
    };
  } catch (error) {
    await adminServer?.close();
    throw error;
  }
}
