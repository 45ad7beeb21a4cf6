import type { ProxyStatusRow } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { WorkloadIdentity } from "../identity/workload-identity.ts";
import type { Registry } from "../metrics/registry.ts";
import type { SocketAddress } from "../model/address.ts";
import type { Mesh, MeshSettings, Pod } from "../model/mesh.ts";
import type { Revocation } from "./ca/certificate-authority.ts";
import type { MeshAuthorityOptions } from "./ca/mesh-authority.ts";
import type { TrustBundle } from "./ca/trust/trust-bundle.ts";
import type { JwksAccess } from "./jwks/guarded-fetch.ts";
import type { HttpAccess } from "./server/http-server.ts";

/** The port with TLS: the authority's, and ADS for whoever shows a certificate of its. */
export interface SecureOptions
  extends Omit<MeshAuthorityOptions, "names" | "clock" | "registry" | "onNotice"> {
  /** Port 0 for any free one. */
  readonly address: SocketAddress;
  /** Under which DNS names and addresses clients reach the port, beside the usual ones. */
  readonly hostNames?: readonly string[] | undefined;
  /** Hears what an operator should read; left out: nobody does. */
  readonly onNotice?: (notice: string) => void;
}

/** What the rest of this process may ask of the mesh's authority. */
export interface ControlSecurity {
  readonly address: SocketAddress;
  readonly bundle: TrustBundle;
  /** Calls back after the bundle changed. Returns the function that ends it. */
  onTrustChange(listener: () => void): () => void;
  /** A token for one certificate; `lifetimeMs`: default an hour. */
  joinToken(identity: WorkloadIdentity, lifetimeMs?: number): string;
  /** Returns the serials that hold no more. */
  revoke(revocation: Revocation): readonly string[];
  /** Makes another root, which signs after the overlap. Throws where the user brings the root. */
  rotateRoot(): void;
}

export interface ControlOptions {
  /** Files and folders of YAML and JSON. */
  readonly paths: readonly string[];
  /** Where ADS listens in plaintext; port 0 for any free one; left out: on the TLS port alone. */
  readonly adsAddress?: SocketAddress;
  /** Where the HTTP server listens; port 0 for any free one. */
  readonly httpAddress: SocketAddress;
  /** Who may read there beside clients of this machine; left out: nobody. */
  readonly httpAccess?: HttpAccess;
  /** Left out: no authority and no port with TLS. */
  readonly secure?: SecureOptions;
  readonly settings?: Partial<MeshSettings>;
  /** From where keys of tokens are fetched; left out: public addresses, over https. */
  readonly jwks?: JwksAccess;
  /** Follow changes of the files; default true. */
  readonly watch?: boolean;
  readonly clock?: Clock;
}

/** What starting came to: a control plane, or what forbids it. */
export type ControlStart =
  | { readonly kind: "running"; readonly control: RunningControl }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

export interface RunningControl {
  /** The last good mesh, each service with its virtual address. */
  readonly mesh: Mesh;
  /** Of the newest reading, which may be one that was not taken over. */
  readonly diagnostics: readonly Diagnostic[];
  /** In plaintext, or where nobody asked for that, with TLS. */
  readonly adsAddress: SocketAddress;
  readonly httpAddress: SocketAddress;
  /** Undefined where there is no port with TLS. */
  readonly security: ControlSecurity | undefined;
  /** What `/metrics` shows; others may add to it. */
  readonly metrics: Registry;
  /** All pods that exist now, ready or not; replaces what was told before. */
  setPods(pods: readonly Pod[]): void;
  /** One row a connected proxy. */
  status(): readonly ProxyStatusRow[];
  /** Calls back after each reading, good or bad. Returns the function that ends it. */
  onChange(listener: (change: ControlChange) => void): () => void;
  /** What is found only when a proxy asks: what a real Envoy does not execute. */
  onFinding(listener: (found: readonly Diagnostic[]) => void): void;
  stop(): Promise<void>;
}

export interface ControlChange {
  readonly mesh: Mesh;
  readonly diagnostics: readonly Diagnostic[];
  /** False where the reading has errors, so that the mesh is the last good one. */
  readonly accepted: boolean;
}
