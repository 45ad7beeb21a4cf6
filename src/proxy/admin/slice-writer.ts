import type { ServerResponse } from "node:http";

/**
 * Writes long answers slice by slice, never faster than the client reads, and one slice a turn of
 * the event loop, however many clients ask: a scrape of 100,000 series does not stall traffic.
 */
export class SliceWriter {
  #turn: Promise<void> = Promise.resolve();

  /** Resolves when the last slice is with the kernel or the client has gone. Never rejects. */
  async write(response: ServerResponse, slices: Iterable<string>): Promise<void> {
    try {
      for (const slice of slices) {
        if (response.destroyed) return;
        if (!response.write(slice)) await drained(response);
        await this.#nextTurn();
      }
      await ended(response);
    } catch (error) {
      response.destroy(error instanceof Error ? error : undefined);
    }
  }

  #nextTurn(): Promise<void> {
    this.#turn = this.#turn.then(turn);
    return this.#turn;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function ended(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", resolve);
    response.end(resolve);
  });
}
