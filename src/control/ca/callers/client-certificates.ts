import type { Clock } from "../../../base/clock.ts";
import type { Authenticator, Credentials, Verdict } from "./authenticator.ts";

/** Who has a certificate of this mesh renews it: the same identity, nothing else. */
export class ClientCertificates implements Authenticator {
  readonly #clock: Clock;
  readonly #isRevoked: (serial: string) => boolean;

  constructor(clock: Clock, isRevoked: (serial: string) => boolean) {
    this.#clock = clock;
    this.#isRevoked = isRevoked;
  }

  /** Asked anew for each request: a connection may outlive what it was opened with. */
  async authenticate({ peer }: Credentials): Promise<Verdict> {
    if (peer === undefined) return { kind: "silent" };
    const { identity, serial, notAfter } = peer;
    if (this.#isRevoked(serial)) {
      const message = "the certificate is revoked";
      return { kind: "refused", refusal: { reason: "revoked", message } };
    }
    if (notAfter <= this.#clock.wall()) {
      const message = "the certificate has expired";
      return { kind: "refused", refusal: { reason: "bad_certificate", message } };
    }
    return {
      kind: "caller",
      caller: { identity, method: "certificate", claim: async () => true },
    };
  }
}
