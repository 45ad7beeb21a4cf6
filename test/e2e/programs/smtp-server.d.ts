/** What the tests use of it; its published types bring a cloud vendor's whole library. */
declare module "smtp-server" {
  import type { Readable } from "node:stream";

  export interface SMTPServerOptions {
    readonly authOptional?: boolean;
    readonly disableReverseLookup?: boolean;
    readonly hideSTARTTLS?: boolean;
    readonly onData?: (
      stream: Readable,
      session: unknown,
      done: (error: Error | null, message?: string) => void,
    ) => void;
  }

  export class SMTPServer {
    constructor(options: SMTPServerOptions);
    listen(port: number, host: string): void;
  }
}
