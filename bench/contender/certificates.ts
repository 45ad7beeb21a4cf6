/** The certificates of one mesh, as the files of `config/` name them. */
import { TestAuthority } from "../../test/support/certificates.ts";
import type { Stage } from "../stage.ts";

/**
 * ECDSA P-256. Both sidecars, and clients that play one, show the same leaf.
 *
 * @returns the leaf, PEM.
 */
export async function writeCertificates(stage: Stage): Promise<string> {
  const authority = await TestAuthority.create("bench");
  const leaf = await authority.issue({
    name: "localhost",
    sans: [
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
      { type: "url", value: "spiffe://cluster.local/ns/default/sa/bench" },
    ],
  });
  stage.write("ca.pem", authority.pem);
  stage.write("leaf.pem", leaf.chain);
  stage.write("leaf.key", leaf.key);
  return leaf.chain;
}
