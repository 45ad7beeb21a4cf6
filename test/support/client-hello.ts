import { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";

/** What Node's own TLS says first with these options. */
export function helloOf(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (bytes: Buffer) => {
        resolve(Buffer.from(bytes));
      },
    });
    connect({ socket: wire, ...options }).on("error", () => undefined);
  });
}
