import type { TcpHealthCheck } from "../../../model/upstream/health-check.ts";
import type { Host } from "../../cluster/host.ts";
import type { Transport } from "../../upstream/transport.ts";
import { ExpectedBytes } from "./expected-bytes.ts";
import type { CheckOutcome } from "./outcome.ts";
import type { ProbeOwner } from "./probe.ts";
import { SocketProbe } from "./socket-probe.ts";

/** Asks over TCP: whether it connects, and what it says (Envoy: TcpHealthCheckerImpl). */
export class TcpProbe extends SocketProbe {
  readonly #send: Buffer;
  readonly #receive: readonly string[];
  #expected = new ExpectedBytes([]);

  constructor(host: Host, config: TcpHealthCheck, owner: ProbeOwner) {
    super(host, config, owner, { usualProtocols: [] });
    this.#send = Buffer.from(config.send, "hex");
    this.#receive = config.receive;
  }

  protected override ask({ socket }: Transport): void {
    this.#expected = new ExpectedBytes(this.#receive);
    if (this.#send.length > 0) socket.write(this.#send);
    // Without an answer to wait for, the connection was the question.
    if (this.#expected.complete) this.end("healthy", false);
  }

  protected override take(bytes: Buffer): void {
    this.#expected.read(bytes);
    if (this.#expected.complete) this.end("healthy", true);
  }

  protected override ended(): CheckOutcome {
    return "network";
  }
}
