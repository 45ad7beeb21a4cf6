import type { ReadStream, WriteStream } from "node:tty";
import type { Clock } from "../../base/clock.ts";
import { paint } from "../../up/table/layout.ts";
import { type Picture, pictureLines } from "./table.ts";

export interface LiveOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly colour: boolean;
  readonly clock: Clock;
  readonly picture: () => Promise<Picture>;
}

const REFRESH_MS = 1000;
const CTRL_C = "\u0003";

/** Redraws the picture once a second, until q, Ctrl-C or the end of the input. */
export async function showLive(options: LiveOptions): Promise<void> {
  const { clock, input, output } = options;
  const ended = new AbortController();
  const onKey = (key: Buffer): void => {
    if (["q", CTRL_C].includes(key.toString())) ended.abort();
  };
  input.setRawMode(true);
  input.on("data", onKey);
  input.resume();
  try {
    for (let drawn = 0; !ended.signal.aborted; ) {
      drawn = draw(await options.picture(), drawn, options);
      await pause(clock, ended.signal);
    }
  } finally {
    input.off("data", onKey);
    input.setRawMode(false);
    input.pause();
    output.write("\n");
  }
}

/** In the place of what was drawn before, of so many lines; returns how many there are now. */
function draw(picture: Picture, drawn: number, { clock, colour, output }: LiveOptions): number {
  const sheet = { columns: output.columns ?? 80, colour };
  const keys = paint(" q quits", "dim", sheet);
  const all = [...pictureLines(picture, clock.wall(), sheet), "", keys];
  const lines = all.slice(0, Math.max(4, (output.rows ?? 24) - 1));
  const back = drawn === 0 ? "" : `\r\u001b[${drawn - 1}A`;
  output.write(`${back}${lines.map((line) => `${line}\u001b[K`).join("\n")}\u001b[J`);
  return lines.length;
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = clock.after(REFRESH_MS, resolve);
    signal.addEventListener("abort", () => {
      timer.cancel();
      resolve();
    });
  });
}
