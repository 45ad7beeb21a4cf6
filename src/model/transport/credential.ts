/**
 * A certificate, a key, or whom to believe, out of a Kubernetes Secret. PEM. Never shown: not in a
 * finding, not on a page, not in a log; given to the proxies alone that a policy means.
 */
export interface Credential {
  readonly namespace: string;
  readonly name: string;
  /** Both, or neither. */
  readonly pair: { readonly certificate: string; readonly privateKey: string } | undefined;
  readonly authorities: string | undefined;
  readonly revocations: string | undefined;
}
