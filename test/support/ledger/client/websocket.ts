/** WebSocket by Node's client: a message asks, a message answers. */
import { judgeFrame, type LoadRequest, type Outcome, requestFrame } from "../request.ts";
import { type Line, LinePool, type OpenLine } from "./pool.ts";
import { type Sender, type Target, TIMEOUT } from "./sender.ts";

class WebSocketLine implements Line {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  get usable(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  exchange(request: LoadRequest, signal: AbortSignal): Promise<Outcome> {
    const socket = this.#socket;
    const listening = new AbortController();
    return new Promise((resolve) => {
      const done = (outcome: Outcome): void => {
        listening.abort();
        resolve(outcome);
      };
      const take = ({ data }: MessageEvent): void => {
        const outcome = judgeFrame(request, Buffer.from(data as ArrayBuffer));
        done(outcome ?? { kind: "truncated", reason: "a message cut short" });
      };
      const closed = (): void => done({ kind: "reset", reason: "WebSocket closed" });
      const give = (): void => {
        done(TIMEOUT);
        socket.close();
      };
      if (!this.usable) return closed();
      socket.addEventListener("message", take, listening);
      socket.addEventListener("close", closed, listening);
      signal.addEventListener("abort", give, listening);
      socket.send(requestFrame(request));
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** The client says of a failed handshake neither a status nor a cause. */
function opened(socket: WebSocket, signal: AbortSignal): Promise<Line> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => socket.close(), { once: true });
    socket.addEventListener("open", () => resolve(new WebSocketLine(socket)), { once: true });
    socket.addEventListener("error", () => reject(new Error("no handshake")), { once: true });
  });
}

export function webSocketSender({ host, port, path, connections }: Target): Sender {
  const open: OpenLine = (signal) => {
    const socket = new WebSocket(`ws://${host}:${port}${path}`);
    socket.binaryType = "arraybuffer";
    return opened(socket, signal);
  };
  return new LinePool(open, connections);
}
