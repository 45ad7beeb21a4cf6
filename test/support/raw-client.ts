import { once } from "node:events";
import { connect } from "node:net";

/** What came back for bytes that were sent as they are. */
export interface RawAnswer {
  readonly text: string;
  /** The status lines' codes, in their order; interim ones too. */
  readonly statuses: readonly number[];
  /** The other end hung up; else it was silent and is waited for no longer. */
  readonly closed: boolean;
}

/** A server that has not said anything for so long waits for more bytes. */
const PATIENCE_MS = 2000;
/** One that has answered has no more to say. */
const SILENCE_MS = 400;

/**
 * Sends each part once the one before was answered, as far as the connection lives, and takes what
 * comes until the other end hangs up, or has been silent (at first for `patienceMs`).
 */
export async function sendRaw(
  port: number,
  parts: readonly Buffer[],
  patienceMs: number = PATIENCE_MS,
): Promise<RawAnswer> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  const left = [...parts];
  let closed = false;
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    socket.setTimeout(SILENCE_MS);
    const part = left.shift();
    if (part !== undefined) socket.write(part);
  });
  socket.on("end", () => {
    closed = true;
    socket.destroy();
  });
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.write(left.shift() ?? Buffer.alloc(0));
  await once(socket, "close");
  const text = Buffer.concat(chunks).toString("latin1");
  const statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3}) /gm)].map(([, code]) => Number(code));
  return { text, statuses, closed: closed || socket.errored !== null };
}
