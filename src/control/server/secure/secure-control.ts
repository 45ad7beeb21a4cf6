import type { ConnectRouter } from "@connectrpc/connect";
import type { Clock } from "../../../base/clock.ts";
import type { WorkloadIdentity } from "../../../identity/workload-identity.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { SocketAddress } from "../../../model/address.ts";
import type { Secret } from "../../../model/transport/secret.ts";
import type { Revocation } from "../../ca/certificate-authority.ts";
import { MeshAuthority, type TrustNames } from "../../ca/mesh-authority.ts";
import { bundleSecret } from "../../ca/trust/bundle-secret.ts";
import type { TrustBundle } from "../../ca/trust/trust-bundle.ts";
import type { ControlSecurity, SecureOptions } from "../../running-control.ts";
import type { StreamService } from "../guarded-streams.ts";
import { BundleService } from "./bundle-service.ts";
import { openSecurePort, type SecurePort } from "./secure-port.ts";
import { PeerStreams } from "./stream-guard.ts";

export interface SecureControlOptions extends SecureOptions {
  readonly trustNames: TrustNames;
  readonly clock: Clock;
  readonly registry: Registry;
  /** ADS and what stands beside it. */
  readonly streams: readonly StreamService[];
  /** Whose pod that is; undefined where there is no such pod. */
  readonly ownerOf: (namespace: string, pod: string) => WorkloadIdentity | undefined;
}

/** The authority and its port, as one control plane has them. */
export class SecureControl implements ControlSecurity {
  readonly #authority: MeshAuthority;
  readonly #bundles: BundleService;
  readonly #port: SecurePort;

  private constructor(authority: MeshAuthority, bundles: BundleService, port: SecurePort) {
    this.#authority = authority;
    this.#bundles = bundles;
    this.#port = port;
  }

  /** Rejects with an Error where the authority's files cannot be used, or the port is taken. */
  static async open(options: SecureControlOptions): Promise<SecureControl> {
    const { address, clock, hostNames = [], ownerOf, streams, trustNames } = options;
    const { onNotice = () => {} } = options;
    const authority = new MeshAuthority({ ...options, names: trustNames, onNotice });
    const guard = new PeerStreams({ clock, audit: authority.audit, ownerOf });
    const current = (): Secret => bundleSecret(authority.bundle);
    const bundles = new BundleService({ current, guard });
    authority.onTrustChange(() => bundles.changed());
    const register = (router: ConnectRouter): void => {
      for (const service of streams) service.register(router, guard);
      bundles.register(router);
    };
    try {
      const port = await openSecurePort({ address, authority, clock, hostNames, register });
      return new SecureControl(authority, bundles, port);
    } catch (error) {
      await authority.stop();
      throw error;
    }
  }

  get address(): SocketAddress {
    return this.#port.address;
  }

  get bundle(): TrustBundle {
    return this.#authority.bundle;
  }

  onTrustChange(listener: () => void): () => void {
    return this.#authority.onTrustChange(listener);
  }

  setTrustNames(names: TrustNames): void {
    this.#authority.setNames(names);
  }

  joinToken(identity: WorkloadIdentity, lifetimeMs?: number): string {
    return this.#authority.joinToken(identity, lifetimeMs);
  }

  revoke(revocation: Revocation): readonly string[] {
    return this.#authority.revoke(revocation);
  }

  rotateRoot(): void {
    this.#authority.rotateRoot();
  }

  async stop(): Promise<void> {
    this.#bundles.end();
    await this.#port.stop();
    await this.#authority.stop();
  }
}
