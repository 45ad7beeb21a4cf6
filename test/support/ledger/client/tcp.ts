/** Frames over TCP: a stream carries one exchange after the other. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  judgeFailure,
  judgeFrame,
  type LoadRequest,
  type Outcome,
  requestFrame,
} from "../request.ts";
import { type Line, LinePool, type OpenLine } from "./pool.ts";
import { type Sender, type Target, TIMEOUT } from "./sender.ts";

class TcpLine implements Line {
  readonly #socket: Socket;
  #failure: unknown;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", (error) => {
      this.#failure = error;
    });
    socket.on("end", () => socket.destroy());
  }

  get usable(): boolean {
    return !this.#socket.destroyed;
  }

  exchange(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    const socket = this.#socket;
    let bytes = Buffer.alloc(0);
    return new Promise((resolve) => {
      const done = (outcome: Outcome): void => {
        socket.off("data", take).off("close", closed);
        signal.removeEventListener("abort", give);
        resolve(outcome);
      };
      const take = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        const outcome = judgeFrame(request, bytes);
        if (outcome !== undefined) done(outcome);
      };
      const closed = (): void => {
        const why = this.#failure ?? new Error("closed by the other side");
        done(judgeFailure(why, bytes.length > 0));
      };
      const give = (): void => {
        done(TIMEOUT);
        socket.destroy();
      };
      if (socket.destroyed) return closed();
      socket.on("data", take).on("close", closed);
      signal.addEventListener("abort", give, { once: true });
      socket.write(requestFrame(request));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

export function tcpSender({ host, port, connections }: Target): Sender {
  const open: OpenLine = async (signal) => {
    const socket = connect({ host, port, noDelay: true });
    try {
      await once(socket, "connect", { signal });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return new TcpLine(socket);
  };
  return new LinePool(open, connections);
}
