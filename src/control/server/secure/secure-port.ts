import type { ConnectRouter } from "@connectrpc/connect";
import type { Clock } from "../../../base/clock.ts";
import { parseIp } from "../../../base/ip-address.ts";
import type { AltNames } from "../../../identity/issuing/extensions.ts";
import type { SocketAddress } from "../../../model/address.ts";
import type { MeshAuthority } from "../../ca/mesh-authority.ts";
import { type SecureServer, startSecureServer } from "./secure-server.ts";
import { ServerCertificate } from "./server-certificate.ts";

export interface SecurePortOptions {
  readonly address: SocketAddress;
  readonly authority: MeshAuthority;
  readonly clock: Clock;
  /** DNS names and IP addresses beside the usual ones. */
  readonly hostNames: readonly string[];
  /** Services beside the authority's. */
  readonly register: (router: ConnectRouter) => void;
}

export interface SecurePort {
  readonly address: SocketAddress;
  stop(): Promise<void>;
}

/** What agents of Istio's look for, and what a client on this machine does. */
const USUAL_NAMES: readonly string[] = ["istiod.istio-system.svc", "localhost"];

/** The control plane's door for the mesh: TLS with a certificate of the mesh's own authority. */
export async function openSecurePort(options: SecurePortOptions): Promise<SecurePort> {
  const { authority, clock } = options;
  let server: SecureServer | undefined;
  const names = altNames([...USUAL_NAMES, options.address.host, ...options.hostNames]);
  const certificate = new ServerCertificate(authority.authority, names, {
    clock,
    onChange: () => server?.setIdentity(certificate.identity),
  });
  const starting = startSecureServer({
    address: options.address,
    identity: certificate.identity,
    rules: {
      isOwnTrustDomain: (name) => authority.isOwnTrustDomain(name),
      isRevoked: (serial) => authority.authority.isRevoked(serial),
    },
    register: (router) => {
      authority.register(router);
      options.register(router);
    },
    onRefused: (message, peer) => {
      authority.audit.write({ event: "stream_refused", reason: "bad_certificate", message, peer });
    },
  });
  const running = await starting.catch((error: unknown) => {
    certificate.stop();
    throw error;
  });
  server = running;
  const stopFollowing = authority.onTrustChange(() => {
    certificate.renew();
    running.checkPeers();
  });
  return {
    address: running.address,
    stop: async () => {
      stopFollowing();
      certificate.stop();
      await running.stop();
    },
  };
}

/** An address that stands for all addresses is nobody's name. */
function altNames(names: readonly string[]): AltNames {
  const distinct = [...new Set(names)].filter((name) => name !== "0.0.0.0" && name !== "::");
  return {
    dns: distinct.filter((name) => parseIp(name) === undefined),
    ips: distinct.filter((name) => parseIp(name) !== undefined),
  };
}
