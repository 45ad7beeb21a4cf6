/** Everything by which a peer is verified; immutable. */
export interface TrustBundle {
  /** `cluster.local`. */
  readonly trustDomain: string;
  /** PEM: the roots of this trust domain, those of a rotation included. */
  readonly roots: string;
  /** Trust domains that are this one under another name (Istio: trustDomainAliases). */
  readonly aliases: readonly string[];
  /** Other trust domains' roots, PEM, by trust domain. */
  readonly federated: ReadonlyMap<string, string>;
  /** PEM: one list for each authority that has signed; empty where nothing is revoked. */
  readonly crl: string;
}
